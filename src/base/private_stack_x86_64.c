/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Changing stacks on x86-64, System V ABI. */

#include "base/private_stack.h"

/* xmm0-15 by plain SSE2; their upper halves and zmm16-31, k0-7 only exist,
 * and can only be cleared, where the processor has them. */
static void
clear_vectors(void)
{
	__asm__ volatile("pxor %%xmm0, %%xmm0\n\tpxor %%xmm1, %%xmm1\n\t"
			 "pxor %%xmm2, %%xmm2\n\tpxor %%xmm3, %%xmm3\n\t"
			 "pxor %%xmm4, %%xmm4\n\tpxor %%xmm5, %%xmm5\n\t"
			 "pxor %%xmm6, %%xmm6\n\tpxor %%xmm7, %%xmm7\n\t"
			 "pxor %%xmm8, %%xmm8\n\tpxor %%xmm9, %%xmm9\n\t"
			 "pxor %%xmm10, %%xmm10\n\tpxor %%xmm11, %%xmm11\n\t"
			 "pxor %%xmm12, %%xmm12\n\tpxor %%xmm13, %%xmm13\n\t"
			 "pxor %%xmm14, %%xmm14\n\tpxor %%xmm15, %%xmm15"
			 :
			 :
			 : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5",
			 "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",
			 "xmm12", "xmm13", "xmm14", "xmm15");
	if (__builtin_cpu_supports("avx"))
		__asm__ volatile("vzeroall"
				 :
				 :
				 : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4",
				 "xmm5", "xmm6", "xmm7", "xmm8", "xmm9",
				 "xmm10", "xmm11", "xmm12", "xmm13", "xmm14",
				 "xmm15");
	if (__builtin_cpu_supports("avx512f"))
		__asm__ volatile(
		    "vpxord %%zmm16, %%zmm16, %%zmm16\n\t"
		    "vpxord %%zmm17, %%zmm17, %%zmm17\n\t"
		    "vpxord %%zmm18, %%zmm18, %%zmm18\n\t"
		    "vpxord %%zmm19, %%zmm19, %%zmm19\n\t"
		    "vpxord %%zmm20, %%zmm20, %%zmm20\n\t"
		    "vpxord %%zmm21, %%zmm21, %%zmm21\n\t"
		    "vpxord %%zmm22, %%zmm22, %%zmm22\n\t"
		    "vpxord %%zmm23, %%zmm23, %%zmm23\n\t"
		    "vpxord %%zmm24, %%zmm24, %%zmm24\n\t"
		    "vpxord %%zmm25, %%zmm25, %%zmm25\n\t"
		    "vpxord %%zmm26, %%zmm26, %%zmm26\n\t"
		    "vpxord %%zmm27, %%zmm27, %%zmm27\n\t"
		    "vpxord %%zmm28, %%zmm28, %%zmm28\n\t"
		    "vpxord %%zmm29, %%zmm29, %%zmm29\n\t"
		    "vpxord %%zmm30, %%zmm30, %%zmm30\n\t"
		    "vpxord %%zmm31, %%zmm31, %%zmm31\n\t"
		    "kxorw %%k1, %%k1, %%k1\n\tkxorw %%k2, %%k2, %%k2\n\t"
		    "kxorw %%k3, %%k3, %%k3\n\tkxorw %%k4, %%k4, %%k4\n\t"
		    "kxorw %%k5, %%k5, %%k5\n\tkxorw %%k6, %%k6, %%k6\n\t"
		    "kxorw %%k7, %%k7, %%k7"
		    :
		    :
		    : "memory");
}

__attribute__((noinline)) void
clv_private_stack_switch(
    void *bottom, size_t size, clv_private_fn *function, void *argument)
{
	/* Asking for the frame's address makes the compiler address this
	 * frame by rbp, so that debuggers can unwind through the change. */
	void *volatile frame = __builtin_frame_address(0);
	/* 16-byte alignment at the call. */
	unsigned char *top = (unsigned char *)bottom + (size & ~(size_t)63);

	(void)frame;
	__asm__ volatile(
	    "movq %%rsp, %%rbx\n\t"
	    "movq %[top], %%rsp\n\t"
	    "callq *%[function]\n\t"
	    "movq %%rbx, %%rsp\n\t"
	    "xorl %%eax, %%eax\n\t"
	    "xorl %%ecx, %%ecx\n\t"
	    "xorl %%edx, %%edx\n\t"
	    "xorl %%esi, %%esi\n\t"
	    "xorl %%edi, %%edi\n\t"
	    "xorl %%r8d, %%r8d\n\t"
	    "xorl %%r9d, %%r9d\n\t"
	    "xorl %%r10d, %%r10d\n\t"
	    "xorl %%r11d, %%r11d"
	    : [top] "+d"(top), [function] "+a"(function), "+D"(argument)
	    :
	    : "rbx", "rcx", "rsi", "r8", "r9", "r10", "r11", "xmm0", "xmm1",
	    "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9",
	    "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "memory",
	    "cc");
	clear_vectors();
}
