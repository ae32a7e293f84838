/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#ifndef CLV_TRUST_DATA_H
#define CLV_TRUST_DATA_H

#include "trust/change.h"

/* Makes the lists that the mask of `data` names hold what it says, and no
 * more. Files that hold the same already are left alone. */
clv_status clv_change_replace(
    struct clv_change *change, const clv_trust_data *data, clv_error **err);

#endif
