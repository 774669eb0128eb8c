/* The machine's status and counters as JSON. */
#include "vmm/status.h"

#include <inttypes.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "lib/own_memory.h"
#include "vmm/machine.h"
#include "vmm/options.h"
#include "vmm/pci_bus.h"
#include "vmm/settings.h"
#include "vmm/vcpu.h"

static void set(json_t *into, const char *key, json_t *value)
{
	json_object_set_new(into, key, value);
}

static json_t *number(uint64_t v)
{
	return json_integer((json_int_t)v);
}

/* Addresses are for people and for comparing, and exceed what JSON's readers keep exactly. */
static json_t *address(uint64_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%" PRIx64, v);
	return json_string(text);
}

static json_t *exits(const struct vcpu *v)
{
	json_t *o = json_object();

	for (unsigned int i = 0; i < EXIT_REASONS; i++) {
		uint64_t n = atomic_load_explicit(&v->exits[i], memory_order_relaxed);
		const char *name = vcpu_exit_name(i);
		char unnamed[16];

		if (!n)
			continue;
		snprintf(unnamed, sizeof(unnamed), "reason_%u", i);
		set(o, name ? name : unnamed, number(n));
	}
	return o;
}

static json_t *vcpu(struct vcpu *v)
{
	json_t *o = json_object();

	set(o, "index", json_integer(v->index));
	set(o, "tid", json_integer(atomic_load(&v->tid)));
	set(o, "exits", exits(v));
	pthread_mutex_lock(&v->machine->lock);
	set(o, "tsc_offset", v->has_tsc_offset ? json_integer(v->tsc_offset) : json_null());
	pthread_mutex_unlock(&v->machine->lock);
	return o;
}

static json_t *vcpus(struct machine *m)
{
	json_t *a = json_array();

	for (int i = 0; i < m->vcpu_count; i++)
		json_array_append_new(a, vcpu(&m->vcpus[i]));
	return a;
}

/*
 * Guest TSC = host TSC + tsc_offset of the vCPU. We never set a vCPU's frequency, so KVM does
 * not scale, and both run at tsc_khz.
 */
static json_t *clock_status(const struct machine *m)
{
	int khz = ioctl(m->vm_fd, KVM_GET_TSC_KHZ, 0);
	json_t *o = json_object();

	if (khz <= 0)
		khz = ioctl(m->vcpus[0].fd, KVM_GET_TSC_KHZ, 0);
	set(o, "tsc_khz", khz > 0 ? json_integer(khz) : json_null());
	set(o, "scaled", json_false());
	return o;
}

static json_t *bars(const struct pci_device *d)
{
	json_t *a = json_array();

	for (unsigned int i = 0; i < PCI_BARS; i++) {
		json_t *o;

		if (!d->mapped[i])
			continue;
		o = json_object();
		set(o, "bar", number(i));
		set(o, "address", address(d->range[i].base));
		set(o, "bytes", number(d->range[i].bytes));
		set(o, "reads", number(__atomic_load_n(&d->range[i].reads, __ATOMIC_RELAXED)));
		set(o, "writes",
		    number(__atomic_load_n(&d->range[i].writes, __ATOMIC_RELAXED)));
		json_array_append_new(a, o);
	}
	return a;
}

static json_t *message(unsigned int vector, bool usable, uint64_t where, uint32_t data)
{
	json_t *o = json_object();

	set(o, "vector", number(vector));
	set(o, "address", address(where));
	set(o, "data", number(data));
	set(o, "masked", json_boolean(!usable));
	return o;
}

static json_t *msix(const struct pci_device *d)
{
	json_t *a = json_array();

	for (unsigned int i = 0; i < pci_msix_vectors(d); i++) {
		uint64_t where = 0;
		uint32_t data = 0;
		bool usable = pci_msix_message(d, i, &where, &data);
		json_t *o = message(i, usable, where, data);

		set(o, "signals", number(pci_msix_signals(d, i)));
		json_array_append_new(a, o);
	}
	return a;
}

static json_t *msi(const struct pci_device *d)
{
	json_t *a = json_array();

	for (unsigned int i = 0; i < pci_msi_enabled(d); i++) {
		uint64_t where = 0;
		uint32_t data = 0;
		bool usable = pci_msi_message(d, i, &where, &data);

		json_array_append_new(a, message(i, usable, where, data));
	}
	return a;
}

static json_t *doorbells(const struct pci_device *d)
{
	json_t *a = json_array();

	for (const struct pci_ioeventfd *e = d->ioeventfds; e; e = e->next) {
		json_t *o;

		if (!d->mapped[e->bar])
			continue;
		o = json_object();
		set(o, "address", address(d->range[e->bar].base + e->offset));
		set(o, "offset", number(e->offset));
		set(o, "bytes", number(e->size));
		set(o, "armed", json_boolean(e->armed));
		json_array_append_new(a, o);
	}
	return a;
}

static json_t *pci(struct machine *m, struct pci_device *d)
{
	json_t *o = json_object();
	char where[16];

	snprintf(where, sizeof(where), "0000:00:%02x.0", d->slot);
	set(o, "address", json_string(where));
	set(o, "intx_gsi", number(pci_intx_gsi(d)));
	pthread_mutex_lock(&m->pci->lock);
	set(o, "bars", bars(d));
	set(o, "doorbells", doorbells(d));
	pthread_mutex_unlock(&m->pci->lock);
	set(o, "msix", msix(d));
	set(o, "msi", msi(d));
	return o;
}

static json_t *device(struct machine *m, struct device *d, bool with_pci)
{
	json_t *o = json_object();

	set(o, "index", json_integer(d->index));
	set(o, "type", json_string(d->type->name));
	if (d->type->mode)
		set(o, "mode", json_string(d->type->mode));
	if (d->type->status)
		d->type->status(d, o);
	if (with_pci && d->pci)
		set(o, "pci", pci(m, d->pci));
	return o;
}

static json_t *devices(struct machine *m, bool with_pci)
{
	json_t *a = json_array();

	for (struct device *d = m->devices; d; d = d->next)
		json_array_append_new(a, device(m, d, with_pci));
	return a;
}

static void range(const struct bus_range *r, void *arg)
{
	uint64_t reads = __atomic_load_n(&r->reads, __ATOMIC_RELAXED);
	uint64_t writes = __atomic_load_n(&r->writes, __ATOMIC_RELAXED);

	json_array_append_new(arg, json_pack("{s:s, s:o, s:o, s:o}", "name", r->name, "address",
					     address(r->base), "reads", number(reads), "writes",
					     number(writes)));
}

/* Who was accessed how often, and what nobody claimed. */
static json_t *accesses(struct bus *b)
{
	uint64_t reads, writes;
	json_t *ranges = json_array();

	bus_each(b, range, ranges);
	bus_unclaimed(b, &reads, &writes);
	return json_pack("{s:o, s:o, s:o}", "unclaimed_reads", number(reads),
			 "unclaimed_writes", number(writes), "ranges", ranges);
}

static const char *state(struct machine *m)
{
	const char *s = "running";

	pthread_mutex_lock(&m->lock);
	if (m->end)
		s = "ended";
	else if (m->paused)
		s = "paused";
	pthread_mutex_unlock(&m->lock);
	return s;
}

static uint64_t uptime_ns(const struct machine *m)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec - m->started_ns;
}

void status_counters(struct machine *m, json_t *into)
{
	json_t *all = json_array();

	for (int i = 0; i < m->vcpu_count; i++)
		json_array_append_new(all, exits(&m->vcpus[i]));
	set(into, "exits", all);
	set(into, "ports", accesses(m->ports));
	set(into, "mmio", accesses(m->mmio));
	set(into, "refused_bars",
	    number(__atomic_load_n(&m->pci->refused_bars, __ATOMIC_RELAXED)));
	set(into, "refused_vectors",
	    number(__atomic_load_n(&m->pci->refused_vectors, __ATOMIC_RELAXED)));
	set(into, "devices", devices(m, false));
}

/* What we keep for ourselves, beyond what is the guest's. */
static json_t *own_memory_status(const struct machine *m)
{
	uint64_t least = m->memory.region[0].bytes;
	int64_t own;

	for (int i = 1; i < m->memory.regions; i++)
		if (m->memory.region[i].bytes < least)
			least = m->memory.region[i].bytes;
	own = own_memory(0, least);
	return own < 0 ? json_null() : json_integer(own);
}

void status_report(struct machine *m, json_t *into)
{
	const char *ring = m->options->trace_ring;

	machine_read_clocks(m);
	set(into, "name", json_string(m->name));
	set(into, "state", json_string(state(m)));
	set(into, "pid", json_integer(getpid()));
	set(into, "uptime_ns", number(uptime_ns(m)));
	set(into, "memory_bytes", number(m->memory.bytes));
	set(into, "own_memory_bytes", own_memory_status(m));
	set(into, "vcpus", vcpus(m));
	set(into, "io_tid", json_integer(loop_tid(m->io)));
	set(into, "clock", clock_status(m));
	set(into, "trace_ring", ring ? json_string(ring) : json_null());
	settings_status(m, into);
	set(into, "devices", devices(m, true));
}
