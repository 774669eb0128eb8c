/* Attaching the programs that are used, each kind in its way. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <arpa/inet.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/err.h"
#include "probes/internal.h"
#include "probes/prologue.h"

static struct bpf_link *attach_uprobe(const struct probes *p, size_t i)
{
	struct bpf_uprobe_opts opts = {.sz = sizeof(opts),
				       .func_name = programs[i].target,
				       .retprobe = programs[i].kind == PROGRAM_URETPROBE};
	/* what returns is found on the stack, where only the very first instruction has it */
	ssize_t at = opts.retprobe ? 0 : prologue_of(p->config.nginx_path, programs[i].target);

	return bpf_program__attach_uprobe_opts(p->state[i].program, -1, p->config.nginx_path,
					       at > 0 ? (size_t)at : 0, &opts);
}

/* A packet socket that belongs to another network namespace than this thread's. */
static int packet_socket(int netns_fd)
{
	int own = -1, fd = -1;

	if (netns_fd >= 0) {
		own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
		if (own < 0)
			return err_errno("wire probe: cannot open this network namespace");
		if (setns(netns_fd, CLONE_NEWNET)) {
			err_errno("wire probe: cannot enter the wire's network namespace");
			goto out;
		}
	}
	/* protocol 0: it receives nothing until it is bound, with the filter in place */
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		err_errno("wire probe: cannot open a packet socket; the kernel needs "
			  "CONFIG_PACKET");
	if (own >= 0 && setns(own, CLONE_NEWNET)) {
		err_errno("wire probe: cannot return to this network namespace");
		if (fd >= 0)
			close(fd);
		fd = -1;
	}
out:
	if (own >= 0)
		close(own);
	return fd;
}

static int look_at(struct probes *p, size_t i, const struct probes_device *d, int netns_fd)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)d->ifindex,
	};
	int program = bpf_program__fd(p->state[i].program), fd = packet_socket(netns_fd);

	if (fd < 0)
		return -1;
	p->wire_fds[p->wire_count++] = fd;
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_BPF, &program, sizeof(program)))
		return err_errno("wire probe: cannot attach to its socket");
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)))
		return err_errno("wire probe: cannot bind to %s", d->name);
	return 0;
}

/* The one program looks at ports whose machines ask, the other at everything else. */
static int attach_wire(struct probes *p, size_t i)
{
	const struct probes_config *c = &p->config;
	bool peers = programs[i].needs & NEED_PEERS;

	for (unsigned int k = 0; k < c->device_count; k++) {
		const struct probes_device *d = &c->devices[k];
		bool first = k == c->wire_device;

		if ((first || d->wire) && peers == (d->role == ROLE_PEER) &&
		    look_at(p, i, d, first ? c->wire_netns_fd : d->netns_fd))
			return -1;
	}
	return 0;
}

static int attach_one(struct probes *p, size_t i)
{
	struct program_state *st = &p->state[i];

	switch (programs[i].kind) {
	case PROGRAM_SOCKET:
		return attach_wire(p, i);
	case PROGRAM_UPROBE:
	case PROGRAM_URETPROBE:
		st->link = attach_uprobe(p, i);
		break;
	case PROGRAM_TRACEPOINT:
	case PROGRAM_FENTRY:
		st->link = bpf_program__attach(st->program);
		break;
	}
	if (st->link)
		return 0;
	return err_errno("cannot attach %s (%s)", programs[i].section, programs[i].option);
}

int attach_all(struct probes *p, size_t *culprit)
{
	for (size_t i = 0; i < program_count; i++) {
		if (!p->state[i].used || !attach_one(p, i))
			continue;
		*culprit = i;
		return -1;
	}
	return 0;
}

void attach_undo(struct probes *p)
{
	for (size_t i = 0; i < program_count; i++) {
		bpf_link__destroy(p->state[i].link);
		p->state[i].link = NULL;
		p->state[i].program = NULL;
	}
	while (p->wire_count)
		close(p->wire_fds[--p->wire_count]);
}
