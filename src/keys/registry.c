/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* The one place that names the backends. CMake defines which are built. */

#include "keys/context.h"

#ifdef CLV_WITH_FILE
extern const struct clv_backend clv_backend_file;
#endif
#ifdef CLV_WITH_PEM
extern const struct clv_backend clv_backend_pem;
#endif
#ifdef CLV_WITH_PKCS11
extern const struct clv_backend clv_backend_pkcs11;
#endif
#ifdef CLV_WITH_TPM2
extern const struct clv_backend clv_backend_tpm2;
#endif

const struct clv_backend *const clv_builtin_backends[] = {
#ifdef CLV_WITH_FILE
    &clv_backend_file,
#endif
#ifdef CLV_WITH_PEM
    &clv_backend_pem,
#endif
#ifdef CLV_WITH_PKCS11
    &clv_backend_pkcs11,
#endif
#ifdef CLV_WITH_TPM2
    &clv_backend_tpm2,
#endif
    NULL,
};
