/* How a vCPU begins: see cpu_mode.h. */
#include "lib/cpu_mode.h"

#include <stdbool.h>

#define CR0_PE         (1u << 0)
#define CR0_MP         (1u << 1)
#define CR0_ET         (1u << 4)
#define CR0_NE         (1u << 5)
#define CR0_WP         (1u << 16)
#define CR0_PG         (1u << 31)
#define CR4_PAE        (1u << 5)
#define CR4_OSFXSR     (1u << 9)
#define CR4_OSXMMEXCPT (1u << 10)
#define EFER_LME       (1u << 8)
#define EFER_LMA       (1u << 10)

#define CODE_SELECTOR 0x08
#define DATA_SELECTOR 0x10
#define TASK_SELECTOR 0x18

#define DATA_READ_WRITE   3  /* and accessed */
#define CODE_EXECUTE_READ 11 /* and accessed */
#define TASK_BUSY         11
#define TASK_LIMIT        0x67

static void set_segments(struct kvm_sregs *s, bool bits64)
{
	const struct kvm_segment data = {.limit = ~0u,
					 .selector = DATA_SELECTOR,
					 .type = DATA_READ_WRITE,
					 .present = 1,
					 .db = 1,
					 .s = 1,
					 .g = 1};

	s->ds = s->es = s->fs = s->gs = s->ss = data;
	s->cs = data;
	s->cs.selector = CODE_SELECTOR;
	s->cs.type = CODE_EXECUTE_READ;
	s->cs.l = bits64;
	s->cs.db = !bits64;
}

void cpu_mode_protected(struct kvm_sregs *s)
{
	const struct kvm_segment task = {.limit = TASK_LIMIT,
					 .selector = TASK_SELECTOR,
					 .type = TASK_BUSY,
					 .present = 1};

	set_segments(s, false);
	s->tr = task;
	s->cr0 = CR0_PE | CR0_ET;
	s->cr4 = 0;
	s->efer = 0;
}

void cpu_mode_long(struct kvm_sregs *s, uint64_t page_tables)
{
	set_segments(s, true);
	s->cr3 = page_tables;
	s->cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT;
	s->cr0 = CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_PG;
	s->efer = EFER_LME | EFER_LMA;
}
