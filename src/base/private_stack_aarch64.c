/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Changing stacks on 64-bit ARM, AAPCS64. */

#include "base/private_stack.h"

/* The lower halves of v8-v15 belong to the caller and are back in place; the
 * upper halves are not restored by anybody. */
static void
clear_vectors(void)
{
	__asm__ volatile(
	    "movi v0.2d, #0\n\tmovi v1.2d, #0\n\tmovi v2.2d, #0\n\t"
	    "movi v3.2d, #0\n\tmovi v4.2d, #0\n\tmovi v5.2d, #0\n\t"
	    "movi v6.2d, #0\n\tmovi v7.2d, #0\n\t"
	    "mov v8.d[1], xzr\n\tmov v9.d[1], xzr\n\tmov v10.d[1], xzr\n\t"
	    "mov v11.d[1], xzr\n\tmov v12.d[1], xzr\n\tmov v13.d[1], xzr\n\t"
	    "mov v14.d[1], xzr\n\tmov v15.d[1], xzr\n\t"
	    "movi v16.2d, #0\n\tmovi v17.2d, #0\n\tmovi v18.2d, #0\n\t"
	    "movi v19.2d, #0\n\tmovi v20.2d, #0\n\tmovi v21.2d, #0\n\t"
	    "movi v22.2d, #0\n\tmovi v23.2d, #0\n\tmovi v24.2d, #0\n\t"
	    "movi v25.2d, #0\n\tmovi v26.2d, #0\n\tmovi v27.2d, #0\n\t"
	    "movi v28.2d, #0\n\tmovi v29.2d, #0\n\tmovi v30.2d, #0\n\t"
	    "movi v31.2d, #0"
	    :
	    :
	    : "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v16", "v17",
	    "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26",
	    "v27", "v28", "v29", "v30", "v31");
}

__attribute__((noinline)) void
clv_private_stack_switch(
    void *bottom, size_t size, clv_private_fn *function, void *argument)
{
	void *volatile frame = __builtin_frame_address(0);
	register void *a0 __asm__("x0") = argument;
	unsigned char *start = bottom;
	register void *top __asm__("x1") = start + (size & ~(size_t)63);
	register clv_private_fn *call __asm__("x2") = function;

	(void)frame;
	__asm__ volatile("mov x19, sp\n\t"
			 "mov sp, x1\n\t"
			 "blr x2\n\t"
			 "mov sp, x19\n\t"
			 "mov x0, xzr\n\tmov x1, xzr\n\tmov x2, xzr\n\t"
			 "mov x3, xzr\n\tmov x4, xzr\n\tmov x5, xzr\n\t"
			 "mov x6, xzr\n\tmov x7, xzr\n\tmov x8, xzr\n\t"
			 "mov x9, xzr\n\tmov x10, xzr\n\tmov x11, xzr\n\t"
			 "mov x12, xzr\n\tmov x13, xzr\n\tmov x14, xzr\n\t"
			 "mov x15, xzr\n\tmov x16, xzr\n\tmov x17, xzr"
			 : "+r"(a0), "+r"(top), "+r"(call)
			 :
			 : "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10",
			 "x11", "x12", "x13", "x14", "x15", "x16", "x17", "x19",
			 "x30", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7",
			 "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15",
			 "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23",
			 "v24", "v25", "v26", "v27", "v28", "v29", "v30", "v31",
			 "memory", "cc");
	clear_vectors();
}
