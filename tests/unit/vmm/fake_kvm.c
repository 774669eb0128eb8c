/* A KVM that only remembers. */
#include "tests/unit/vmm/fake_kvm.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/kvm.h"
#include "vmm/pci_bus.h"

struct fake_kvm fake_kvm;

static void require(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "fake KVM: %s\n", what);
	abort();
}

int kvm_slot(struct machine *m, unsigned int slot, uint64_t gpa, uint64_t bytes, void *host)
{
	(void)m;
	require(slot >= 2 && slot < FAKE_SLOTS, "a slot number out of range");
	require(gpa >= GUEST_LOW_MAX, "a slot over low memory");
	for (unsigned int i = 0; bytes && i < FAKE_SLOTS; i++)
		require(i == slot || !fake_kvm.slot[i].bytes ||
				gpa >= fake_kvm.slot[i].gpa + fake_kvm.slot[i].bytes ||
				fake_kvm.slot[i].gpa >= gpa + bytes,
			"two slots overlap");
	require(!bytes == !!fake_kvm.slot[slot].bytes, "a slot set twice, or removed twice");
	fake_kvm.slot[slot].gpa = gpa;
	fake_kvm.slot[slot].bytes = bytes;
	fake_kvm.slot[slot].host = host;
	return 0;
}

int kvm_ioeventfd(struct machine *m, bool port, uint64_t addr, unsigned int size, int fd,
		  bool assign)
{
	int room = -1;

	(void)m;
	for (int i = 0; i < FAKE_DOORBELLS; i++) {
		bool same = fake_kvm.doorbell[i].used && fake_kvm.doorbell[i].port == port &&
			    fake_kvm.doorbell[i].addr == addr &&
			    fake_kvm.doorbell[i].size == size && fake_kvm.doorbell[i].fd == fd;

		require(!(same && assign), "a doorbell put twice");
		if (same) {
			fake_kvm.doorbell[i].used = false;
			return 0;
		}
		if (!fake_kvm.doorbell[i].used)
			room = i;
	}
	require(assign, "a doorbell taken back that is not there");
	require(room >= 0, "no room for doorbells");
	fake_kvm.doorbell[room].used = true;
	fake_kvm.doorbell[room].port = port;
	fake_kvm.doorbell[room].addr = addr;
	fake_kvm.doorbell[room].size = size;
	fake_kvm.doorbell[room].fd = fd;
	return 0;
}

int kvm_msi_allocate(struct machine *m)
{
	(void)m;
	require(fake_kvm.next_gsi < FAKE_GSIS, "no more GSIs");
	return (int)fake_kvm.next_gsi++;
}

int kvm_msi_route(struct machine *m, unsigned int gsi, uint64_t address, uint32_t data)
{
	(void)m;
	require(gsi >= IOAPIC_PINS && gsi < fake_kvm.next_gsi, "a route for an unknown GSI");
	fake_kvm.gsi[gsi].routed = true;
	fake_kvm.gsi[gsi].address = address;
	fake_kvm.gsi[gsi].data = data;
	fake_kvm.routes_written++;
	return 0;
}

int kvm_irqfd(struct machine *m, unsigned int gsi, int fd, bool assign)
{
	(void)m;
	require(gsi >= IOAPIC_PINS && gsi < fake_kvm.next_gsi, "an irqfd for an unknown GSI");
	require(assign == !fake_kvm.gsi[gsi].fd, "an irqfd put twice, or taken twice");
	fake_kvm.gsi[gsi].fd = assign ? fd : 0;
	return 0;
}

int kvm_irqfd_level(struct machine *m, unsigned int gsi, int fd, int resample_fd, bool assign)
{
	(void)m;
	require(gsi < IOAPIC_PINS, "a line beyond the IOAPIC");
	require(fd > 0 && resample_fd > 0, "a line without eventfds");
	require(assign == !fake_kvm.gsi[gsi].fd, "a line tied twice, or freed twice");
	fake_kvm.gsi[gsi].fd = assign ? fd : 0;
	fake_kvm.gsi[gsi].resample_fd = assign ? resample_fd : 0;
	return 0;
}

int kvm_vfio_device(struct machine *m)
{
	(void)m;
	return -1;
}

void kvm_vfio_group(int device_fd, int group_fd, bool add)
{
	(void)device_fd;
	(void)group_fd;
	(void)add;
}

void kvm_irq_line(struct machine *m, unsigned int gsi, bool level)
{
	(void)m;
	require(gsi < IOAPIC_PINS, "a line beyond the IOAPIC");
	fake_kvm.line[gsi] = level;
}

void machine_end(struct machine *m, enum machine_end end, const char *fmt, ...)
{
	va_list ap;

	(void)m;
	fake_kvm.end = end;
	va_start(ap, fmt);
	vsnprintf(fake_kvm.end_text, sizeof(fake_kvm.end_text), fmt, ap);
	va_end(ap);
}

void fake_machine(struct machine *m, uint64_t memory_bytes)
{
	memset(&fake_kvm, 0, sizeof(fake_kvm));
	fake_kvm.next_gsi = IOAPIC_PINS;
	memset(m, 0, sizeof(*m));
	m->memory.bytes = memory_bytes; /* only its size matters here */
	m->ports = bus_create();
	m->mmio = bus_create();
	require(m->ports && m->mmio && pci_bus_create(m) == 0, "no machine");
}

void fake_machine_destroy(struct machine *m)
{
	pci_bus_destroy(m);
	bus_destroy(m->mmio);
	bus_destroy(m->ports);
	for (int i = 0; i < FAKE_DOORBELLS; i++)
		require(!fake_kvm.doorbell[i].used, "a doorbell left behind");
	for (int i = 0; i < FAKE_SLOTS; i++)
		require(!fake_kvm.slot[i].bytes, "a slot left behind");
	for (int i = 0; i < FAKE_GSIS; i++)
		require(!fake_kvm.gsi[i].fd, "an irqfd left behind");
}
