/*
 * CPUID: what KVM supports, with the topology of our machine: one package, one thread a core,
 * APIC id = index; and the host processor's name. Intel SDM vol. 2, CPUID; AMD APM vol. 3,
 * appendix E.
 */
#include <cpuid.h>
#include <errno.h>
#include <linux/kvm.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "lib/err.h"
#include "vmm/machine.h"
#include "vmm/vcpu.h"

#define ENTRIES_MAX 256

static unsigned int bits_for(unsigned int count)
{
	unsigned int bits = 0;

	while (1U << bits < count)
		bits++;
	return bits;
}

/* Leaf 0xb and 0x1f: level 0 is threads of a core, level 1 cores of the package. */
static void set_extended_topology(struct kvm_cpuid_entry2 *e, unsigned int index,
				  unsigned int count)
{
	static const unsigned int types[] = {1, 2}; /* SMT, core */

	e->eax = e->ebx = 0;
	e->ecx = e->index;
	e->edx = index;
	if (e->index < 2) {
		e->eax = e->index == 0 ? 0 : bits_for(count);
		e->ebx = e->index == 0 ? 1 : count;
		e->ecx |= types[e->index] << 8;
	}
}

static void set_bits(uint32_t *word, unsigned int low, unsigned int width, uint32_t value)
{
	uint32_t mask = ((1U << width) - 1) << low;

	*word = (*word & ~mask) | (value << low & mask);
}

static void fix(struct kvm_cpuid_entry2 *e, unsigned int index, unsigned int count)
{
	switch (e->function) {
	case 1:
		set_bits(&e->ebx, 24, 8, index);
		set_bits(&e->ebx, 16, 8, count);
		set_bits(&e->edx, 28, 1, count > 1);
		set_bits(&e->ecx, 31, 1, 1); /* a hypervisor is present */
		set_bits(&e->ecx, 24, 1,
			 1); /* TSC deadline timer: spares the guest a calibration */
		break;
	case 4: /* caches: level 3 is shared by all, the others are a core's */
		set_bits(&e->eax, 26, 6, count - 1);
		set_bits(&e->eax, 14, 12, (e->eax >> 5 & 7) == 3 ? count - 1 : 0);
		break;
	case 0xb:
	case 0x1f:
		set_extended_topology(e, index, count);
		break;
	case 0x80000001:
		set_bits(&e->ecx, 1, 1, count > 1); /* CmpLegacy */
		break;
	case 0x80000002: /* the brand string, which KVM leaves out: the host's */
	case 0x80000003:
	case 0x80000004:
		__cpuid(e->function, e->eax, e->ebx, e->ecx, e->edx);
		break;
	case 0x80000008:
		set_bits(&e->ecx, 0, 8, count - 1);
		set_bits(&e->ecx, 12, 4, bits_for(count));
		break;
	case 0x8000001d: /* AMD's leaf 4 */
		set_bits(&e->eax, 14, 12, (e->eax >> 5 & 7) == 3 ? count - 1 : 0);
		break;
	case 0x8000001e:
		e->eax = index;
		e->ebx = index; /* core id, one thread a core */
		e->ecx = 0;     /* node 0, one node */
		break;
	}
}

/* KVM lists leaf 0xb once, with no subleaves, where the host has one core: give it both levels.
 */
static void ensure_levels(struct kvm_cpuid2 *c, uint32_t function)
{
	bool seen[2] = {false, false};
	struct kvm_cpuid_entry2 *first = NULL;

	for (unsigned int i = 0; i < c->nent; i++) {
		if (c->entries[i].function != function)
			continue;
		c->entries[i].flags |= KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
		if (c->entries[i].index < 2)
			seen[c->entries[i].index] = true;
		first = &c->entries[i];
	}
	for (unsigned int level = 0; first && level < 2; level++) {
		if (seen[level] || c->nent >= ENTRIES_MAX)
			continue;
		c->entries[c->nent] = *first;
		c->entries[c->nent++].index = level;
	}
}

void cpuid_topology(struct kvm_cpuid2 *c, unsigned int index, unsigned int count)
{
	ensure_levels(c, 0xb);
	ensure_levels(c, 0x1f);
	for (unsigned int i = 0; i < c->nent; i++)
		fix(&c->entries[i], index, count);
}

int cpuid_set(struct vcpu *v)
{
	struct machine *m = v->machine;
	struct kvm_cpuid2 *c;
	int ret = 0;

	c = calloc(1, sizeof(*c) + ENTRIES_MAX * sizeof(c->entries[0]));
	if (!c)
		return err_errno("cannot read the host's CPUID");
	c->nent = ENTRIES_MAX;
	if (ioctl(m->kvm_fd, KVM_GET_SUPPORTED_CPUID, c)) {
		ret = err_errno("KVM does not say what processor it can offer");
	} else {
		cpuid_topology(c, (unsigned int)v->index, (unsigned int)m->vcpu_count);
		if (ioctl(v->fd, KVM_SET_CPUID2, c))
			ret = err_errno("KVM refuses the CPUID of vCPU %d", v->index);
	}
	free(c);
	return ret;
}
