/*
 * The freestanding guest's first instructions and its interrupt handlers. The host has set long
 * mode, a stack, and edi to the processor's number. See main.c.
 */
	.section .text.entry, "ax"
	.globl	_start
_start:
	xor	%ebp, %ebp
	call	guest_main
1:	hlt
	jmp	1b

	.text
/* All registers that C may change; 15 of them and the frame keep the stack aligned. */
.macro handler name, function
	.globl	\name
\name:
	push	%rax
	push	%rcx
	push	%rdx
	push	%rsi
	push	%rdi
	push	%r8
	push	%r9
	push	%r10
	push	%r11
	sub	$8, %rsp
	call	\function
	add	$8, %rsp
	pop	%r11
	pop	%r10
	pop	%r9
	pop	%r8
	pop	%rdi
	pop	%rsi
	pop	%rdx
	pop	%rcx
	pop	%rax
	iretq
.endm

handler on_interrupt, interrupt

	.globl	on_spurious
on_spurious:
	iretq

/* Exceptions: 32 entries of 16 bytes, each tells its number. */
	.balign	16
	.globl	on_exceptions
on_exceptions:
	.set	vector, 0
	.rept	32
	.balign	16
	mov	$vector, %eax
	jmp	exception
	.set	vector, vector + 1
	.endr

exception:
	mov	$0x50c, %edx	/* PORT_FAULT */
	out	%eax, %dx
1:	hlt
	jmp	1b

	.section .note.GNU-stack, "", @progbits
