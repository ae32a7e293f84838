/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#ifndef CLV_KEYS_OPTIONS_H
#define CLV_KEYS_OPTIONS_H

#include <claviger/backend.h>
#include <claviger/key.h>

/* Room for a made-up label. */
#define CLV_LABEL_ROOM 80U

/*
 * Turns options (may be NULL) into a spec for `backend`. A label that was not
 * given is made up in `room`; `turn` counts up when it was taken.
 */
clv_status clv_key_options_spec(const clv_key_options *options,
    const struct clv_backend *backend, clv_algorithm algorithm, unsigned turn,
    char *room, struct clv_key_spec *spec, clv_error **err);

#endif
