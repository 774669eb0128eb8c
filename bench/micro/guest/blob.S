/* The guest's image, inside the program that runs it. */
	.section .rodata
	.balign	16
	.globl	micro_guest, micro_guest_bytes
micro_guest:
	.incbin	"bench/micro/guest.bin"
.Lend:
	.balign	8
micro_guest_bytes:
	.quad	.Lend - micro_guest

	.section .note.GNU-stack, "", @progbits
