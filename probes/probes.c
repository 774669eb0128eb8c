/*
 * Opening, reading and closing a set of probes.
 *
 * What a kernel refuses cannot all be known beforehand, so opening is a loop: choose programs,
 * load, attach; if one of them that is not required is refused, do without and start over.
 */
#include "probes/probes.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/err.h"
#include "probes/filter.h"
#include "probes/internal.h"

#include "probes/probes.skel.h"

#define NOBODY ((size_t)-1)

/* libbpf names the program that was refused only in its messages. */
static __thread char refused_program[64];
static __thread char last_message[WHY_NOT_BYTES];

static int on_libbpf_message(enum libbpf_print_level level, const char *format, va_list args)
{
	static const char load_failed[] = "prog '%s': BPF program load failed";
	char text[512];

	if (level != LIBBPF_WARN)
		return 0;
	if (!strncmp(format, "libbpf: ", 8))
		format += 8;
	if (!strncmp(format, load_failed, sizeof(load_failed) - 1)) {
		va_list copy;

		va_copy(copy, args);
		snprintf(refused_program, sizeof(refused_program), "%s", va_arg(copy, char *));
		va_end(copy);
	}
	vsnprintf(text, sizeof(text), format, args);
	text[strcspn(text, "\n")] = '\0';
	if (!last_message[0])
		snprintf(last_message, sizeof(last_message), "%.*s", WHY_NOT_BYTES - 1, text);
	return 0;
}

static size_t program_by_name(const char *name)
{
	for (size_t i = 0; i < program_count; i++)
		if (!strcmp(programs[i].name, name))
			return i;
	return NOBODY;
}

static void close_attempt(struct probes *p)
{
	governor_end(&p->governor);
	attach_undo(p);
	rings_destroy(p);
	probes_bpf__destroy(p->skel);
	p->skel = NULL;
	free(p->elf);
	p->elf = NULL;
}

static int prepare(struct probes *p)
{
	for (size_t i = 0; i < program_count; i++) {
		struct bpf_program *program =
			bpf_object__find_program_by_name(p->skel->obj, programs[i].name);

		if (!program)
			return err_set("probes: no BPF program is called %s", programs[i].name);
		bpf_program__set_autoload(program, p->state[i].used);
		p->state[i].program = program;
	}
	configure_constants(p, &p->skel->rodata->config);
	if (configure_devices(&p->config, p->skel->rodata->device_slots,
			      &p->skel->rodata->config.device_seed))
		return -1;
	return rings_size(p);
}

int err_not_root(void)
{
	return err_errno("cannot load eBPF programs: run as root (CAP_BPF, CAP_PERFMON and "
			 "CAP_NET_ADMIN)");
}

static int load(struct probes *p, size_t *culprit)
{
	int err;

	refused_program[0] = last_message[0] = '\0';
	err = probes_bpf__load(p->skel);
	if (!err)
		return 0;
	*culprit = program_by_name(refused_program);
	errno = -err;
	if ((err == -EPERM || err == -EACCES) && geteuid()) {
		*culprit = NOBODY;
		return err_not_root();
	}
	if (*culprit != NOBODY)
		return err_errno("the kernel refuses to load %s", programs[*culprit].section);
	return err_errno("cannot load the eBPF programs: %s", last_message);
}

/* As probes_bpf__open(), with the filter put in before. */
static int open_programs(struct probes *p)
{
	struct bpf_object_skeleton *s;

	p->skel = calloc(1, sizeof(*p->skel));
	if (!p->skel || probes_bpf__create_skeleton(p->skel))
		return err_set("probes: out of memory");
	s = p->skel->skeleton;
	if (p->config.filter.count) {
		p->elf = malloc(s->data_sz);
		if (!p->elf)
			return err_set("probes: out of memory");
		memcpy(p->elf, s->data, s->data_sz);
		if (filter_insert(&p->config.filter, p->elf, s->data_sz))
			return -1;
		s->data = p->elf;
	}
	if (bpf_object__open_skeleton(s, NULL))
		return err_errno("cannot open the eBPF programs");
	return 0;
}

static int attempt(struct probes *p, size_t *culprit)
{
	*culprit = NOBODY;
	choose_programs(p);
	for (size_t i = 0; i < program_count; i++)
		if (p->state[i].wanted && !p->state[i].used && programs[i].required)
			return err_set("the required probe %s cannot be had: %s",
				       programs[i].section, p->state[i].why_not);
	if (open_programs(p) || prepare(p) || load(p, culprit) || configure_maps(p) ||
	    rings_create(p))
		return -1;
	return attach_all(p, culprit);
}

/*
 * Do without what was refused, if that is possible. The verifier's EACCES and EINVAL concern
 * one program; any other refusal of an fentry program means that this kernel has no fentry.
 */
static bool resign(struct probes *p, size_t culprit, int reason)
{
	bool one = reason == EACCES || reason == EINVAL;

	if (culprit == NOBODY || programs[culprit].required)
		return false;
	for (size_t i = 0; i < program_count; i++)
		if (i == culprit || (!one && programs[i].kind == PROGRAM_FENTRY &&
				     programs[culprit].kind == PROGRAM_FENTRY))
			choose_refuse(p, i, err_text());
	return true;
}

static int open_probes(struct probes *p)
{
	size_t culprit;

	if (configure_check(&p->config) || kernel_look(&p->kernel))
		return -1;
	configure_needs(p);
	while (attempt(p, &culprit)) {
		if (!resign(p, culprit, errno))
			return -1;
		close_attempt(p);
	}
	if (p->config.stats) {
		p->stats_fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
		if (p->stats_fd < 0)
			return err_errno("cannot measure the probes' own run time");
	}
	return 0;
}

struct probes *probes_open(const struct probes_config *config,
			   const struct probes_callbacks *cb)
{
	struct probes *p = calloc(1, sizeof(*p));
	libbpf_print_fn_t before;
	int err;

	if (!p) {
		err_set("probes: out of memory");
		return NULL;
	}
	p->config = *config;
	p->callbacks = *cb;
	p->stats_fd = p->spare_events = -1;
	before = libbpf_set_print(on_libbpf_message);
	err = open_probes(p);
	libbpf_set_print(before);
	kernel_forget(&p->kernel);
	if (!err)
		return p;
	probes_close(p);
	return NULL;
}

int probes_poll(struct probes *p)
{
	int n = rings_poll(p);

	governor_look(p);
	return n;
}

uint64_t probes_lost(const struct probes *p)
{
	return rings_lost(p);
}

static void run_stats(const struct bpf_program *program, struct probe_report *r)
{
	struct bpf_prog_info info = {0};
	__u32 bytes = sizeof(info);

	if (!bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &bytes)) {
		r->runs = info.run_cnt;
		r->run_time_ns = info.run_time_ns;
	}
}

size_t probes_report(struct probes *p, const struct probe_report **report)
{
	size_t n = 0;

	for (size_t i = 0; i < program_count; i++) {
		const struct program_state *st = &p->state[i];
		struct probe_report *r = &p->report[n];

		if (!st->wanted)
			continue;
		*r = (struct probe_report){
			.name = programs[i].section,
			.attached = st->used && !st->taken_off,
			.required = programs[i].required,
			.why_not = st->used && !st->taken_off ? "" : st->why_not,
		};
		if (st->used)
			run_stats(st->program, r);
		n++;
	}
	*report = p->report;
	return n;
}

bool probes_plaintext(const struct probes *p)
{
	return choose_uses(p, "ngx_ssl_recv") && choose_uses(p, "ngx_ssl_recv_done") &&
	       choose_uses(p, "ngx_ssl_write") && choose_uses(p, "ngx_ssl_write_done");
}

const struct drops *probes_drops(struct probes *p)
{
	drops_name(&p->drops);
	return &p->drops;
}

/* The hops that a packet's program marks on the devices of this configuration. */
static uint64_t packet_program_hops(const struct probes *p, int point)
{
	uint64_t bits = 0;

	for (unsigned int i = 0; i < p->config.device_count; i++) {
		const struct packet_hops *h = &packet_hops[point][p->config.devices[i].role];

		bits |= 1ULL << h->request | 1ULL << h->reply;
	}
	bits &= ~1ULL; /* 0 stands for nothing */
	return p->config.domain ? bits : bits & ~(1ULL << HOP_GUEST_NAPI);
}

/* The hops of a program's sides that are not on this kernel. */
static uint64_t absent_sides(const struct probes *p)
{
	uint64_t bits = 0;

	if (!(p->needs & NEED_CLIENT))
		bits |= 1ULL << HOP_CLIENT_SEND | 1ULL << HOP_CLIENT_XMIT |
			1ULL << HOP_CLIENT_RX | 1ULL << HOP_CLIENT_RECV;
	if (!(p->needs & NEED_SERVER))
		bits |= 1ULL << HOP_APP_READ | 1ULL << HOP_APP_WRITE | 1ULL << HOP_APP_RUN;
	if (!(p->needs & NEED_VM))
		bits |= 1ULL << HOP_VCPU_RUN;
	if (!(p->needs & NEED_VHOST))
		bits |= 1ULL << HOP_VHOST_RX_WAKE | 1ULL << HOP_VHOST_RX_RUN |
			1ULL << HOP_VHOST_TX_WAKE | 1ULL << HOP_VHOST_TX_RUN;
	if (!(p->needs & NEED_PASSED))
		bits |= 1ULL << HOP_VFIO_IRQ;
	bits |= 1ULL << (p->config.domain ? HOP_NIC_IRQ : HOP_GUEST_IRQ);
	return bits;
}

bool probes_hop_in_force(const struct probes *p, enum strata_hop hop, bool *inferred)
{
	uint64_t marked = 0, exact = 0;

	for (size_t i = 0; i < program_count; i++) {
		if (!p->state[i].used)
			continue;
		marked |= programs[i].point < 0 ? programs[i].hops
						: packet_program_hops(p, programs[i].point);
		exact |= programs[i].exact;
	}
	marked &= ~absent_sides(p);
	if (inferred)
		*inferred = (hop == HOP_VSWITCH_IN || hop == HOP_CLIENT_RECV) &&
			    !(exact >> hop & 1);
	return marked >> hop & 1;
}

void probes_close(struct probes *p)
{
	if (!p)
		return;
	close_attempt(p);
	if (p->stats_fd >= 0)
		close(p->stats_fd);
	free(p);
}
