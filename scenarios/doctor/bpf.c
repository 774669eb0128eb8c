/*
 * BPF: of each kind of program that strata uses, a tiny one is loaded, attached, and made to
 * run. It counts its runs; it is written out in instructions, so that no compiler is needed.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>

#include "scenarios/doctor/looks.h"

struct bpf_kind {
	const char *what; /* what it is attached to, for people */
	enum bpf_prog_type type;
	enum bpf_attach_type attach_type;
	const char *btf_name; /* type of that name, or function */
	unsigned int btf_kind;
	int (*attach)(int program); /* a descriptor that holds it, or -1 and errno */
	void (*trigger)(void);
	const char *remedy; /* if the kernel has none */
};

/* A system call that enters the function vfs_read, and a wait that switches tasks. */
static void read_something(void)
{
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	char byte;

	if (fd >= 0 && read(fd, &byte, 1) == 1)
		usleep(100);
	if (fd >= 0)
		close(fd);
}

static int attach_raw(int program)
{
	return bpf_raw_tracepoint_open(NULL, program);
}

static int attach_raw_tp(int program)
{
	return bpf_raw_tracepoint_open("sched_switch", program);
}

/* A perf event of this process on any CPU, with the program on it. */
static int attach_perf(struct perf_event_attr *attr, int program, pid_t pid, int cpu)
{
	int fd = syscall(SYS_perf_event_open, attr, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd < 0)
		return -1;
	if (ioctl(fd, PERF_EVENT_IOC_SET_BPF, program) < 0 ||
	    ioctl(fd, PERF_EVENT_IOC_ENABLE, 0) < 0) {
		int error = errno;

		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

static int attach_tp(int program)
{
	struct perf_event_attr attr = {.type = PERF_TYPE_TRACEPOINT, .size = sizeof(attr)};
	int id = tracepoint_id("sched/sched_switch");

	if (id < 0)
		return -1;
	attr.config = id;
	return attach_perf(&attr, program, 0, -1);
}

/* What the uprobe is put on. */
__attribute__((noinline)) static void probed(void)
{
	asm volatile("" ::: "memory");
}

/* Where in our file is that address? */
static long file_offset(unsigned long address)
{
	unsigned long start, end, offset;
	char line[512];
	long found_at = -1;
	FILE *f = fopen("/proc/self/maps", "re");

	while (f && found_at < 0 && fgets(line, sizeof(line), f))
		if (sscanf(line, "%lx-%lx %*s %lx", &start, &end, &offset) == 3 &&
		    address >= start && address < end)
			found_at = address - start + offset;
	if (f)
		fclose(f);
	return found_at;
}

static int attach_uprobe(int program)
{
	struct perf_event_attr attr = {.size = sizeof(attr)};
	char text[32];

	if (read_text("/sys/bus/event_source/devices/uprobe/type", text, sizeof(text)) < 0)
		return -1;
	attr.type = atoi(text);
	attr.config1 = (uintptr_t) "/proc/self/exe";
	attr.config2 = file_offset((uintptr_t)probed);
	return attach_perf(&attr, program, 0, -1);
}

/* A datagram socket of our own, connected to itself. */
static int attach_socket(int program)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (bind(fd, (struct sockaddr *)&a, len) == 0 &&
	    getsockname(fd, (struct sockaddr *)&a, &len) == 0 &&
	    connect(fd, (struct sockaddr *)&a, len) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_ATTACH_BPF, &program, sizeof(program)) == 0 &&
	    send(fd, "x", 1, 0) == 1)
		return fd;
	close(fd);
	return -1;
}

const struct bpf_kind bpf_tp_btf = {
	.what = "sched_switch",
	.type = BPF_PROG_TYPE_TRACING,
	.attach_type = BPF_TRACE_RAW_TP,
	.btf_name = "btf_trace_sched_switch",
	.btf_kind = BTF_KIND_TYPEDEF,
	.attach = attach_raw,
	.trigger = read_something,
	.remedy = "boot Linux 5.11 or newer with BTF, or " REMEDY_TESTBED,
};

const struct bpf_kind bpf_raw_tp = {
	.what = "sched_switch",
	.type = BPF_PROG_TYPE_RAW_TRACEPOINT,
	.attach = attach_raw_tp,
	.trigger = read_something,
	.remedy = "nothing is lost: tp_btf does the same",
};

const struct bpf_kind bpf_tp = {
	.what = "sched/sched_switch",
	.type = BPF_PROG_TYPE_TRACEPOINT,
	.attach = attach_tp,
	.trigger = read_something,
	.remedy = "nothing is lost: tp_btf does the same, for less",
};

const struct bpf_kind bpf_fentry = {
	.what = "vfs_read",
	.type = BPF_PROG_TYPE_TRACING,
	.attach_type = BPF_TRACE_FENTRY,
	.btf_name = "vfs_read",
	.btf_kind = BTF_KIND_FUNC,
	.attach = attach_raw,
	.trigger = read_something,
	.remedy = "hops between tracepoints are inferred; for all of them, boot a kernel with "
		  "CONFIG_FUNCTION_TRACER and BPF trampolines (Debian's), or " REMEDY_TESTBED,
};

const struct bpf_kind bpf_uprobe = {
	.what = "a function of this program",
	.type = BPF_PROG_TYPE_KPROBE,
	.attach = attach_uprobe,
	.trigger = probed,
	.remedy = "hops inside nginx are missing; for them, boot a kernel with "
		  "CONFIG_UPROBE_EVENTS, or " REMEDY_TESTBED,
};

const struct bpf_kind bpf_socket = {
	.what = "a socket of this program",
	.type = BPF_PROG_TYPE_SOCKET_FILTER,
	.attach = attach_socket,
	.remedy = "boot a kernel with CONFIG_BPF_SYSCALL, or " REMEDY_TESTBED,
};

#define INSN(c, d, s, o, i)                                                         \
	{                                                                           \
		.code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) \
	}

/* if ((count = bpf_map_lookup_elem(map, &(u32){0}))) (*count)++; return 0; */
static int load(const struct bpf_kind *k, int map)
{
	const struct bpf_insn code[] = {
		INSN(BPF_LD | BPF_DW | BPF_IMM, BPF_REG_1, BPF_PSEUDO_MAP_FD, 0, map),
		INSN(0, 0, 0, 0, 0), /* the second half of the address */
		INSN(BPF_ST | BPF_W | BPF_MEM, BPF_REG_10, 0, -4, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_2, BPF_REG_10, 0, 0),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_2, 0, 0, -4),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem),
		INSN(BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_0, 0, 2, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_1, 0, 0, 1),
		INSN(BPF_STX | BPF_DW | BPF_ATOMIC, BPF_REG_0, BPF_REG_1, 0, BPF_ADD),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	struct bpf_prog_load_opts opts = {.sz = sizeof(opts),
					  .expected_attach_type = k->attach_type};

	if (k->btf_name) {
		int id = kernel_btf() ? btf__find_by_name_kind(kernel_btf(), k->btf_name,
							       k->btf_kind)
				      : -ENOENT;

		if (id < 0) {
			errno = -id;
			return -1;
		}
		opts.attach_btf_id = id;
	}
	return bpf_prog_load(k->type, "strata_doctor", "Dual BSD/GPL", code,
			     sizeof(code) / sizeof(code[0]), &opts);
}

/* What went wrong; the remedy of the kind, unless it is a matter of rights. */
static void failed(struct finding *f, const struct bpf_kind *k, const char *what, int error)
{
	found_errno(f, error, what);
	if (f->state == STATE_MISSING)
		remedy(f, "%s", k->remedy);
}

static void attach_and_run(struct finding *f, const struct bpf_kind *k, int program, int map)
{
	unsigned int key = 0;
	unsigned long long runs = 0;
	int link = k->attach(program);

	if (link < 0) {
		failed(f, k, "attaching it", errno);
		return;
	}
	if (k->trigger)
		k->trigger();
	bpf_map_lookup_elem(map, &key, &runs);
	close(link);
	if (runs) {
		found(f, STATE_OK, "loads, attaches to %s, runs", k->what);
		return;
	}
	found(f, STATE_MISSING, "attaches to %s, but never runs", k->what);
	remedy(f, "%s", k->remedy);
}

void look_bpf(struct finding *f, const void *arg)
{
	const struct bpf_kind *k = arg;
	int map, program;

	libbpf_set_print(NULL);
	map = bpf_map_create(BPF_MAP_TYPE_ARRAY, NULL, sizeof(int), sizeof(long long), 1, NULL);
	if (map < 0) {
		failed(f, k, "creating a BPF map", errno);
		return;
	}
	program = load(k, map);
	if (program < 0) {
		failed(f, k, "loading it", errno);
	} else {
		attach_and_run(f, k, program, map);
		close(program);
	}
	close(map);
}

static int ignore_sample(void *ctx, void *data, size_t size)
{
	(void)ctx;
	(void)data;
	(void)size;
	return 0;
}

/* An array of rings, one for each CPU, of which one is mapped. */
void look_rings(struct finding *f, const void *arg)
{
	struct bpf_map_create_opts opts = {.sz = sizeof(opts)};
	int page = sysconf(_SC_PAGESIZE), cpus = libbpf_num_possible_cpus();
	int inner, outer = -1;
	struct ring_buffer *ring = NULL;

	(void)arg;
	inner = bpf_map_create(BPF_MAP_TYPE_RINGBUF, NULL, 0, 0, page, NULL);
	if (inner >= 0) {
		opts.inner_map_fd = inner;
		outer = bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, NULL, sizeof(int),
				       sizeof(int), cpus, &opts);
		ring = ring_buffer__new(inner, ignore_sample, NULL, NULL);
	}
	if (outer >= 0 && ring)
		found(f, STATE_OK, "a ring for each of %d CPUs", cpus);
	else
		found_errno(f, errno, "creating a BPF ring buffer");
	if (f->state == STATE_MISSING)
		remedy(f, "boot Linux 5.11 or newer, or " REMEDY_TESTBED);
	ring_buffer__free(ring);
	if (outer >= 0)
		close(outer);
	if (inner >= 0)
		close(inner);
}
