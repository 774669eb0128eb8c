/*
 * The code that the tiny guest runs; see speed.c. rdi points to memory that may be written, rsi
 * is an argument; the final "ret" comes to a "hlt" in the guest.
 */

/* From one of these to the other, name_bytes is a constant with the length of the code. */
.macro begin name
	.globl	\name, \name\()_bytes
	.balign	16
\name:
.endm

.macro end name
.pushsection .rodata
	.balign	8
\name\()_bytes:
	.quad	.L\name\()_end - \name
.popsection
.L\name\()_end:
.endm

	.text

/*
 * void doctor_loop(void *memory, uint64_t iterations), for the guest and for ourselves: eight
 * instructions (LOOP_INSTRUCTIONS) of the kinds that kernels are made of.
 */
begin doctor_loop
1:	mov	(%rdi), %rax
	lea	1(%rax, %rsi), %rax
	mov	%rax, (%rdi)
	push	%rax
	pop	%rdx
	test	%rdx, %rdx
	dec	%rsi
	jnz	1b
	ret
end doctor_loop

	.section .rodata

/* Exits for ever. */
begin doctor_exits
1:	out	%al, $0x80
	jmp	1b
end doctor_exits

/*
 * Privileged and rarer instructions that every kernel needs and an interpreter may lack. Before
 * each step its number is left in memory; their names are the table steps[] in speed.c.
 */
.macro step number
	movl	$\number, 8(%rdi)
.endm

begin doctor_walk
	step	0
	xor	%eax, %eax
	cpuid
	rdtsc

	step	1
	lock cmpxchg %rax, 16(%rdi)
	lock xadd %rax, 16(%rdi)

	step	2
	xor	%eax, %eax
	xor	%edx, %edx
	lock cmpxchg16b 32(%rdi)

	step	3
	push	%rdi
	lea	64(%rdi), %rdi
	mov	$64, %ecx
	rep stosb
	pop	%rdi

	step	4
	bsf	%rsi, %rax
	bts	$3, %rax
	shld	$4, %rax, %rdx
	bswap	%rax

	step	5
	movdqu	16(%rdi), %xmm0
	paddq	%xmm0, %xmm0
	movdqu	%xmm0, 16(%rdi)

	step	6
	fxsave64 0x200(%rdi)
	fxrstor64 0x200(%rdi)

	step	7
	mov	$0xc0000080, %ecx	/* EFER */
	rdmsr
	wrmsr

	step	8
	mov	$0xc0000101, %ecx	/* GS.base */
	xor	%eax, %eax
	xor	%edx, %edx
	wrmsr
	swapgs
	swapgs

	step	9
	mov	%cr4, %rax
	mov	%rax, %cr4
	mov	%cr3, %rax
	mov	%rax, %cr3

	step	10
	invlpg	(%rdi)
	wbinvd

	step	11
	sgdt	128(%rdi)
	lgdt	128(%rdi)
	sidt	144(%rdi)
	lidt	144(%rdi)

	step	12
	pushfq
	popfq
	cli

	step	13
	mov	%dr7, %rax
	mov	%rax, %dr7
	clts

	step	14
	fninit
	fnstcw	160(%rdi)
	ldmxcsr	168(%rdi)

	step	15			/* STEPS */
	ret
end doctor_walk

	.section .note.GNU-stack, "", @progbits
