/* Two rings per CPU that is online, of events and of wire records, and the reader over all. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/err.h"
#include "probes/internal.h"

#include "probes/probes.skel.h"

/* A collector that has to wait for a processor must find all there: a quarter of a second of a
 * million events. On machines of many processors, each of which has a ring, rather less. */
#define RING_BYTES_MAX  (16u << 20)
#define RING_BYTES_MIN  (4u << 20)
#define RINGS_BYTES_MAX (256u << 20)

/* A request has two wire records, and some twenty events. */
#define WIRE_SHARE     2 /* of the bytes for events */
#define WIRE_BYTES_MIN 4096u

/* Whoever polls has other things to do, too: he comes back from a storm that does not end. */
#define POLL_RECORDS_MAX (1 << 18)

/* So many at once: what a callback writes of them and what is read next stay in the cache. */
#define RUN_MAX 256

_Static_assert(sizeof(struct ring_writer) == sizeof(struct strata_event) &&
		       sizeof(struct ring_reader) == sizeof(struct strata_event),
	       "an end takes one element");

/* One CPU's events: probes/bpf/config.h. */
struct event_ring {
	volatile struct ring_writer *writer;
	struct ring_reader *reader;
	struct strata_event *slots;
	uint64_t mask;
	size_t bytes; /* mapped, from writer on */
};

struct event_rings {
	unsigned int count;
	struct event_ring ring[];
};

__u32 rings_default_bytes(unsigned int cpus)
{
	__u32 bytes = RING_BYTES_MAX;

	while (bytes > RING_BYTES_MIN && cpus > RINGS_BYTES_MAX / bytes)
		bytes /= 2;
	return bytes;
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

static unsigned int count_online(__u32 cpus)
{
	unsigned int online = 0;

	for (__u32 cpu = 0; cpu < cpus; cpu++)
		online += cpu_online((int)cpu);
	return online;
}

/* All are alike: the loaded programs count on it. */
static int create_events(const struct probes *p)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	int map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "strata_events", sizeof(__u32),
				 sizeof(struct strata_event), RING_ENDS + p->slots, &opts);

	if (map >= 0)
		return map;
	return geteuid() ? err_not_root()
			 : err_errno("probes: cannot create a ring of %u events", p->slots);
}

int rings_size(struct probes *p)
{
	struct bpf_map *events = p->skel->maps.events;
	int cpus = libbpf_num_possible_cpus();
	__u32 bytes;

	if (cpus < 0)
		return err_set("probes: cannot count the CPUs in /sys/devices/system/cpu: %s",
			       strerror(-cpus));
	bytes = p->config.ring_bytes ? (__u32)p->config.ring_bytes
				     : rings_default_bytes(count_online((__u32)cpus));
	p->slots = bytes / sizeof(struct strata_event);
	/* one as a pattern for the programs to be loaded with; then the first CPU's */
	p->spare_events = create_events(p);
	if (p->spare_events < 0)
		return -1;
	if (bpf_map__set_max_entries(p->skel->maps.rings, (__u32)cpus) ||
	    bpf_map__set_max_entries(events, (__u32)cpus) ||
	    bpf_map__set_inner_map_fd(events, p->spare_events))
		return err_errno("probes: cannot size the rings");
	return 0;
}

/* ---- reading ---- */

static int on_wire(void *ctx, void *data, size_t bytes)
{
	struct probes *p = ctx;

	if (bytes == sizeof(struct strata_wire) && p->callbacks.wire)
		p->callbacks.wire(p->callbacks.ctx, data);
	else
		p->lost_in_reader++;
	return --p->poll_left > 0 ? 0 : -ECANCELED;
}

static int poll_wire(struct probes *p)
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

static bool is_committed(const struct strata_event *e)
{
	return __atomic_load_n(&e->time_ns, __ATOMIC_ACQUIRE) != 0;
}

/* How many events stand one behind the other from e on. */
static size_t run_of(struct probes *p, const struct strata_event *e, size_t most)
{
	size_t n = 0;

	for (; n < most && is_committed(&e[n]); n++)
		if (e[n].hop == CONTEXT_DROP)
			drops_note(&p->drops, e[n].arg32, e[n].arg64);
	return n;
}

static int poll_events(struct probes *p, struct event_ring *r)
{
	uint64_t at = r->reader->read;
	size_t n, total = 0;

	do {
		struct strata_event *e = &r->slots[at & r->mask];
		size_t left = r->mask + 1 - (at & r->mask);

		n = run_of(p, e, left < RUN_MAX ? left : RUN_MAX);
		if (!n)
			break;
		p->callbacks.events(p->callbacks.ctx, e, n);
		for (size_t i = 0; i < n; i++)
			e[i].time_ns = 0;
		at += n;
		total += n;
		__atomic_store_n(&r->reader->read, at, __ATOMIC_RELEASE);
	} while (total < POLL_RECORDS_MAX);
	return (int)total;
}

int rings_poll(struct probes *p)
{
	int n = poll_wire(p);

	for (unsigned int i = 0; n >= 0 && i < p->rings->count; i++)
		n += poll_events(p, &p->rings->ring[i]);
	return n;
}

/* ---- making ---- */

static int map_events(struct event_ring *r, int map, __u32 slots)
{
	size_t bytes = (RING_ENDS + slots) * sizeof(struct strata_event);
	struct strata_event *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);

	if (at == MAP_FAILED)
		return -1;
	*r = (struct event_ring){.writer = (void *)&at[0],
				 .reader = (void *)&at[1],
				 .slots = &at[RING_ENDS],
				 .mask = slots - 1,
				 .bytes = bytes};
	r->writer->mask = r->mask;
	r->writer->room = slots - slots / 8;
	return 0;
}

static int add_events(struct probes *p, __u32 cpu)
{
	int outer = bpf_map__fd(p->skel->maps.events), err = 0;
	int map = p->spare_events < 0 ? create_events(p) : p->spare_events;

	p->spare_events = -1;
	if (map < 0)
		return -1;
	if (map_events(&p->rings->ring[p->rings->count], map, p->slots))
		err = err_errno("probes: cannot map the events of CPU %u", cpu);
	else if (p->rings->count++, bpf_map_update_elem(outer, &cpu, &map, BPF_ANY))
		err = err_errno("probes: cannot hand CPU %u its events", cpu);
	close(map); /* the outer map and the mapping keep it */
	return err;
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
		p->reader = ring_buffer__new(ring, on_wire, p, NULL);
		if (!p->reader)
			err = err_errno("probes: cannot map the ring buffer of CPU %u", cpu);
	} else if (ring_buffer__add(p->reader, ring, on_wire, p)) {
		err = err_errno("probes: cannot map the ring buffer of CPU %u", cpu);
	}
	close(ring); /* the outer map and the mapping keep it */
	return err;
}

int rings_create(struct probes *p)
{
	__u32 cpus = bpf_map__max_entries(p->skel->maps.rings);
	__u32 wire = p->slots * (__u32)sizeof(struct strata_event) / WIRE_SHARE;

	p->rings = calloc(1, sizeof(*p->rings) + cpus * sizeof(p->rings->ring[0]));
	if (!p->rings)
		return err_set("probes: out of memory");
	for (__u32 cpu = 0; cpu < cpus; cpu++)
		if (cpu_online((int)cpu) &&
		    (add_events(p, cpu) ||
		     add_ring(p, cpu, wire > WIRE_BYTES_MIN ? wire : WIRE_BYTES_MIN)))
			return -1;
	return 0;
}

void rings_destroy(struct probes *p)
{
	for (unsigned int i = 0; p->rings && i < p->rings->count; i++)
		munmap((void *)p->rings->ring[i].writer, p->rings->ring[i].bytes);
	free(p->rings);
	p->rings = NULL;
	ring_buffer__free(p->reader);
	p->reader = NULL;
	if (p->spare_events >= 0)
		close(p->spare_events);
	p->spare_events = -1;
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
