/* One BPF ring buffer per CPU that is online, and the reader over all of them. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/err.h"
#include "probes/internal.h"

#include "probes/probes.skel.h"

/* A collector that has to wait for a processor must find all there: a quarter of a second of a
 * million events. On machines of many processors, each of which has a ring, rather less. */
#define RING_BYTES_MAX  (16u << 20)
#define RING_BYTES_MIN  (4u << 20)
#define RINGS_BYTES_MAX (256u << 20)

/* Whoever polls has other things to do, too: he comes back from a storm that does not end. */
#define POLL_RECORDS_MAX (1 << 18)

int rings_size(struct bpf_map *rings)
{
	int cpus = libbpf_num_possible_cpus();

	if (cpus < 0)
		return err_set("probes: cannot count the CPUs in /sys/devices/system/cpu: %s",
			       strerror(-cpus));
	return bpf_map__set_max_entries(rings, (__u32)cpus);
}

static int on_record(void *ctx, void *data, size_t bytes)
{
	struct probes *p = ctx;
	const struct strata_event *e = data;

	if (bytes == sizeof(*e) && e->hop == CONTEXT_DROP)
		drops_note(&p->drops, e->arg32, e->arg64);
	if (bytes == sizeof(struct strata_event))
		p->callbacks.event(p->callbacks.ctx, data);
	else if (bytes == sizeof(struct strata_wire) && p->callbacks.wire)
		p->callbacks.wire(p->callbacks.ctx, data);
	else
		p->lost_in_reader++;
	return --p->poll_left > 0 ? 0 : -ECANCELED;
}

int rings_poll(struct probes *p)
{
	int n;

	p->poll_left = POLL_RECORDS_MAX;
	n = ring_buffer__consume(p->reader);
	if (n >= 0)
		return n;
	if (n == -ECANCELED)
		return POLL_RECORDS_MAX;
	errno = -n;
	return err_errno("probes: cannot read the ring buffers");
}

static bool cpu_online(int cpu)
{
	char path[64], c = '1';
	FILE *f;

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/online", cpu);
	f = fopen(path, "re"); /* the boot CPU often has no such file: it is always online */
	if (f) {
		if (fread(&c, 1, 1, f) != 1)
			c = '1';
		fclose(f);
	}
	return c == '1';
}

static int add_ring(struct probes *p, __u32 cpu, __u32 bytes)
{
	int outer = bpf_map__fd(p->skel->maps.rings), err = 0;
	int ring = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "strata_ring", 0, 0, bytes, NULL);

	if (ring < 0)
		return err_errno("probes: cannot create a ring buffer of %u bytes for CPU %u",
				 bytes, cpu);
	if (bpf_map_update_elem(outer, &cpu, &ring, BPF_ANY)) {
		err = err_errno("probes: cannot hand CPU %u its ring buffer", cpu);
	} else if (!p->reader) {
		p->reader = ring_buffer__new(ring, on_record, p, NULL);
		if (!p->reader)
			err = err_errno("probes: cannot map the ring buffer of CPU %u", cpu);
	} else if (ring_buffer__add(p->reader, ring, on_record, p)) {
		err = err_errno("probes: cannot map the ring buffer of CPU %u", cpu);
	}
	close(ring); /* the outer map and the mapping keep it */
	return err;
}

__u32 rings_default_bytes(unsigned int cpus)
{
	__u32 bytes = RING_BYTES_MAX;

	while (bytes > RING_BYTES_MIN && cpus > RINGS_BYTES_MAX / bytes)
		bytes /= 2;
	return bytes;
}

static unsigned int count_online(__u32 cpus)
{
	unsigned int online = 0;

	for (__u32 cpu = 0; cpu < cpus; cpu++)
		online += cpu_online((int)cpu);
	return online;
}

int rings_create(struct probes *p)
{
	__u32 cpus = bpf_map__max_entries(p->skel->maps.rings);
	__u32 bytes = p->config.ring_bytes ? (__u32)p->config.ring_bytes
					   : rings_default_bytes(count_online(cpus));

	for (__u32 cpu = 0; cpu < cpus; cpu++)
		if (cpu_online((int)cpu) && add_ring(p, cpu, bytes))
			return -1;
	return 0;
}

uint64_t rings_lost(const struct probes *p)
{
	int cpus = libbpf_num_possible_cpus();
	struct losses *l = cpus > 0 ? calloc((size_t)cpus, sizeof(*l)) : NULL;
	uint64_t lost = p->lost_in_reader;
	__u32 zero = 0;

	if (l && !bpf_map_lookup_elem(bpf_map__fd(p->skel->maps.losses), &zero, l))
		for (int i = 0; i < cpus; i++)
			lost += l[i].ring_full + l[i].map_full;
	free(l);
	return lost;
}
