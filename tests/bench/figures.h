/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What the benchmarks take their figures with. */
#ifndef CLV_BENCH_FIGURES_H
#define CLV_BENCH_FIGURES_H

#include <stddef.h>
#include <time.h>

double clock_seconds(clockid_t clock);

/* Sorts the values. */
double median(double *values, size_t count);

#endif
