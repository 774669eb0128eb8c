/* KVM's interrupt routing table: GSIs to pins and messages. */
#include "vmm/routes.h"

#include <linux/kvm.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "lib/err.h"
#include "vmm/kvm.h"

/* KVM_MAX_IRQ_ROUTES is 4096 since Linux 4.15; 1024 before. No machine of ours comes near. */
#define MSI_GSI_MAX 1000

/* GSIs 0-15 have a pin on the PIC and (but 2) on the IOAPIC, 16-23 on the IOAPIC alone. */
#define PIN_ROUTES (16 + IOAPIC_PINS - 1)

struct irq_routes {
	pthread_mutex_t lock;
	int vm_fd;
	unsigned int next_gsi;
	struct kvm_irq_routing *table;
};

static void add_pin(struct kvm_irq_routing *t, unsigned int gsi, unsigned int chip,
		    unsigned int pin)
{
	t->entries[t->nr++] = (struct kvm_irq_routing_entry){
		.gsi = gsi,
		.type = KVM_IRQ_ROUTING_IRQCHIP,
		.u.irqchip = {.irqchip = chip, .pin = pin},
	};
}

/* GSI 0, the timer, sits on IOAPIC pin 2 as on a PC; the MADT says the same. */
static void add_pins(struct kvm_irq_routing *t)
{
	for (unsigned int gsi = 0; gsi < 16; gsi++)
		add_pin(t, gsi, gsi < 8 ? KVM_IRQCHIP_PIC_MASTER : KVM_IRQCHIP_PIC_SLAVE,
			gsi % 8);
	for (unsigned int gsi = 0; gsi < IOAPIC_PINS; gsi++)
		if (gsi != 2)
			add_pin(t, gsi, KVM_IRQCHIP_IOAPIC, gsi == 0 ? 2 : gsi);
}

struct irq_routes *routes_create(int vm_fd)
{
	struct irq_routes *r = calloc(1, sizeof(*r));
	size_t entries = PIN_ROUTES + MSI_GSI_MAX;

	if (r)
		r->table =
			calloc(1, sizeof(*r->table) + entries * sizeof(r->table->entries[0]));
	if (!r || !r->table) {
		err_errno("cannot make the interrupt routing table");
		free(r);
		return NULL;
	}
	pthread_mutex_init(&r->lock, NULL);
	r->vm_fd = vm_fd;
	r->next_gsi = IOAPIC_PINS;
	add_pins(r->table);
	if (ioctl(vm_fd, KVM_SET_GSI_ROUTING, r->table)) {
		err_errno("KVM refuses the interrupt routing table");
		routes_destroy(r);
		return NULL;
	}
	return r;
}

void routes_destroy(struct irq_routes *r)
{
	if (!r)
		return;
	pthread_mutex_destroy(&r->lock);
	free(r->table);
	free(r);
}

int routes_allocate(struct irq_routes *r)
{
	int gsi = -1;

	pthread_mutex_lock(&r->lock);
	if (r->next_gsi < IOAPIC_PINS + MSI_GSI_MAX)
		gsi = (int)r->next_gsi++;
	pthread_mutex_unlock(&r->lock);
	if (gsi < 0)
		err_set("more than %d interrupt vectors: fewer devices or queues, please",
			MSI_GSI_MAX);
	return gsi;
}

static struct kvm_irq_routing_entry *msi_entry(struct kvm_irq_routing *t, unsigned int gsi)
{
	for (unsigned int i = PIN_ROUTES; i < t->nr; i++)
		if (t->entries[i].gsi == gsi)
			return &t->entries[i];
	t->entries[t->nr] = (struct kvm_irq_routing_entry){.gsi = gsi};
	return &t->entries[t->nr++];
}

int routes_set_msi(struct irq_routes *r, unsigned int gsi, uint64_t address, uint32_t data)
{
	struct kvm_irq_routing_entry *e, before;
	int ret = 0;

	pthread_mutex_lock(&r->lock);
	e = msi_entry(r->table, gsi);
	before = *e;
	if (e->type != KVM_IRQ_ROUTING_MSI || e->u.msi.address_lo != (uint32_t)address ||
	    e->u.msi.address_hi != (uint32_t)(address >> 32) || e->u.msi.data != data) {
		e->type = KVM_IRQ_ROUTING_MSI;
		e->u.msi.address_lo = (uint32_t)address;
		e->u.msi.address_hi = (uint32_t)(address >> 32);
		e->u.msi.data = data;
		if (ioctl(r->vm_fd, KVM_SET_GSI_ROUTING, r->table)) {
			ret = err_errno("KVM refuses the message of interrupt %u", gsi);
			/* As it was, or KVM would refuse everybody's from now on. */
			*e = before;
			if (before.type != KVM_IRQ_ROUTING_MSI)
				r->table->nr--;
		}
	}
	pthread_mutex_unlock(&r->lock);
	return ret;
}
