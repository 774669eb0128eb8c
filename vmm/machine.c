/* The machine's life: built from the options, started, paused, ended, taken apart. */
#include "vmm/machine.h"

#include <linux/kvm.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/now.h"
#include "vmm/acpi.h"
#include "vmm/boot.h"
#include "vmm/cleanup.h"
#include "vmm/console.h"
#include "vmm/kernel.h"
#include "vmm/kvm.h"
#include "vmm/options.h"
#include "vmm/pci_bus.h"
#include "vmm/vcpu.h"

/* How long a vCPU may take to heed a request: microseconds, unless it is stuck in a device. */
#define VCPU_WAIT_S 2

static int create_device(struct machine *m, const struct device_type *t,
			 const struct arguments *a)
{
	struct device *d = calloc(1, sizeof(*d)), **tail = &m->devices;
	int index = 1;

	if (!d)
		return err_errno("cannot make a device");
	for (; *tail; tail = &(*tail)->next)
		index++;
	*d = (struct device){.type = t, .machine = m, .index = index};
	*tail = d;
	return t->create(d, a) ? err_add("%s", t->name) : 0;
}

/* First what every machine has, by the list; then what was asked for, in that order (PCI
 * slots). */
static int create_devices(struct machine *m, const struct options *o)
{
	static const struct arguments none;

	for (const struct device_type *const *t = device_types; *t; t++) {
		const struct arguments *a = &none;

		for (int i = 0; i < o->devices; i++)
			if (o->device[i].type == *t)
				a = &o->device[i].arguments;
		if ((*t)->always && create_device(m, *t, a))
			return -1;
	}
	for (int i = 0; i < o->devices; i++)
		if (!o->device[i].type->always &&
		    create_device(m, o->device[i].type, &o->device[i].arguments))
			return -1;
	return 0;
}

static bool needs_shared_memory(const struct options *o)
{
	for (int i = 0; i < o->devices; i++)
		if (o->device[i].type->shared_memory)
			return true;
	return false;
}

static int create_vcpus(struct machine *m)
{
	m->vcpus = calloc((size_t)m->vcpu_count, sizeof(*m->vcpus));
	if (!m->vcpus)
		return err_errno("cannot make the vCPUs");
	for (int i = 0; i < m->vcpu_count; i++)
		m->vcpus[i].fd = -1;
	for (int i = 0; i < m->vcpu_count; i++)
		if (vcpu_create(m, i))
			return -1;
	return 0;
}

static int load_guest(struct machine *m, const struct options *o)
{
	struct kernel k;

	if (kernel_load_file(o->kernel, &m->memory, &k) ||
	    boot_prepare(&m->memory, &k, o->initrd, o->cmdline) ||
	    acpi_write(&m->memory, m->vcpu_count, pci_mem64_start(m), PCI_MEM64_BYTES))
		return -1;
	return vcpu_set_pvh_entry(&m->vcpus[0], k.entry, BOOT_START_INFO);
}

static int create_trace(struct machine *m, const struct options *o)
{
	if (trace_open(&m->trace, o->trace_ring))
		return -1;
	return o->trace_ring ? cleanup_file(o->trace_ring) : 0;
}

int machine_create(struct machine *m, const struct options *o)
{
	*m = (struct machine){.name = o->name,
			      .options = o,
			      .kvm_fd = -1,
			      .vm_fd = -1,
			      .end_fd = -1,
			      .halt_poll_ns = -1};
	m->vcpu_count = (int)o->cpus;
	m->started_ns = now_ns();
	pthread_mutex_init(&m->lock, NULL);
	pthread_cond_init(&m->changed, NULL);
	m->end_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (m->end_fd < 0)
		return err_errno("cannot make an eventfd");
	m->kvm_fd = kvm_open();
	if (m->kvm_fd < 0)
		return -1;
	if (guest_memory_create_huge(&m->memory, o->memory_bytes, needs_shared_memory(o),
				     o->huge_bytes) ||
	    kvm_vm_create(m) || create_vcpus(m) || load_guest(m, o))
		return -1;
	m->ports = bus_create();
	m->mmio = bus_create();
	m->io = loop_create("io");
	if (!m->ports || !m->mmio || !m->io || pci_bus_create(m) || create_trace(m, o))
		return -1;
	return create_devices(m, o);
}

/* Backwards, and each step able to find nothing to do. */
void machine_destroy(struct machine *m)
{
	struct device *next;

	machine_stop(m);
	for (struct device *d = m->devices; d; d = next) {
		next = d->next;
		if (d->type->destroy)
			d->type->destroy(d);
		free(d);
	}
	m->devices = NULL;
	trace_close(&m->trace);
	pci_bus_destroy(m);
	loop_destroy(m->io);
	bus_destroy(m->mmio);
	bus_destroy(m->ports);
	for (int i = 0; m->vcpus && i < m->vcpu_count; i++)
		vcpu_destroy(&m->vcpus[i]);
	free(m->vcpus);
	kvm_vm_destroy(m);
	guest_memory_destroy(&m->memory);
	if (m->kvm_fd >= 0)
		close(m->kvm_fd);
	if (m->end_fd >= 0)
		close(m->end_fd);
	pthread_cond_destroy(&m->changed);
	pthread_mutex_destroy(&m->lock);
}

int machine_start(struct machine *m)
{
	int ret = 0;

	if (loop_start(m->io))
		return -1;
	/* Whoever wants to kick a vCPU holds the lock, too: it finds none started or all. */
	pthread_mutex_lock(&m->lock);
	for (int i = 0; i < m->vcpu_count && !ret; i++)
		ret = vcpu_start(&m->vcpus[i]);
	pthread_mutex_unlock(&m->lock);
	return ret;
}

void machine_stop(struct machine *m)
{
	if (!m->vcpus || !m->io)
		return;
	machine_end(m, MACHINE_QUIT, "asked to quit");
	for (int i = 0; i < m->vcpu_count; i++)
		vcpu_join(&m->vcpus[i]);
	loop_stop(m->io);
}

static void kick_all(struct machine *m)
{
	for (int i = 0; i < m->vcpu_count; i++)
		vcpu_kick(&m->vcpus[i]);
	pthread_cond_broadcast(&m->changed);
}

void machine_end(struct machine *m, enum machine_end end, const char *fmt, ...)
{
	va_list ap;

	/* With panic=-1 a guest's panic reaches us as a reboot; its console tells them apart.
	 */
	bool panicked = end == MACHINE_REBOOT && m->console &&
			console_said(m->console, GUEST_PANIC_TEXT);

	pthread_mutex_lock(&m->lock);
	if (!m->end) {
		va_start(ap, fmt);
		vsnprintf(m->end_text, sizeof(m->end_text), fmt, ap);
		va_end(ap);
		if (panicked)
			snprintf(m->end_text, sizeof(m->end_text),
				 "the guest's kernel panicked");
		atomic_store(&m->end, panicked ? MACHINE_PANIC : end);
		kick_all(m);
		eventfd_write(m->end_fd, 1);
	}
	pthread_mutex_unlock(&m->lock);
}

static bool all_held(const struct machine *m)
{
	for (int i = 0; i < m->vcpu_count; i++)
		if (!m->vcpus[i].held)
			return false;
	return true;
}

/* Wait until what is asked of the vCPUs is so; false if it takes too long. Lock held. */
static bool await(struct machine *m, bool (*so)(const struct machine *m))
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += VCPU_WAIT_S;
	while (!m->end && !so(m))
		if (pthread_cond_timedwait(&m->changed, &m->lock, &until))
			return false;
	return true;
}

int machine_pause(struct machine *m)
{
	int ret = 0;

	pthread_mutex_lock(&m->lock);
	if (!m->paused) {
		m->paused = true;
		kick_all(m);
	}
	if (!await(m, all_held)) {
		m->paused = false;
		pthread_cond_broadcast(&m->changed);
		ret = err_set(
			"a vCPU does not come out of its device; is anyone reading the console?");
	} else if (m->end) {
		ret = err_set("the machine has ended");
	}
	pthread_mutex_unlock(&m->lock);
	return ret;
}

int machine_resume(struct machine *m)
{
	int ret = 0;

	pthread_mutex_lock(&m->lock);
	m->paused = false;
	pthread_cond_broadcast(&m->changed);
	if (m->end)
		ret = err_set("the machine has ended");
	pthread_mutex_unlock(&m->lock);
	return ret;
}

static bool all_read(const struct machine *m)
{
	for (int i = 0; i < m->vcpu_count; i++)
		if (m->vcpus[i].clock_taken != m->clock_wanted)
			return false;
	return true;
}

void machine_read_clocks(struct machine *m)
{
	pthread_mutex_lock(&m->lock);
	m->clock_wanted++;
	kick_all(m);
	await(m, all_read); /* in vain, the status lacks an offset rather than being late for
			       ever */
	pthread_mutex_unlock(&m->lock);
}
