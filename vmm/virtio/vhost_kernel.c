/* /dev/vhost-net: one ioctl for each thing that there is to say, and whose thread it is. */
#include "vmm/virtio/vhost_kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vhost.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/threads.h"

#define DEVICE      "/dev/vhost-net"
#define WORKERS_MAX 256

static int tell(struct vhost *v, unsigned long request, const char *what, const void *argument)
{
	struct vhost_kernel *k = (struct vhost_kernel *)v;

	if (ioctl(k->fd, request, argument))
		return err_errno("the kernel's vhost refuses %s", what);
	return 0;
}

static int set_features(struct vhost *v, uint64_t features)
{
	return tell(v, VHOST_SET_FEATURES, "the features", &features);
}

static int set_memory(struct vhost *v, const struct guest_memory *m)
{
	struct {
		struct vhost_memory head;
		struct vhost_memory_region region[2];
	} table = {.head.nregions = (uint32_t)m->regions};

	for (int i = 0; i < m->regions; i++)
		table.region[i] = (struct vhost_memory_region){
			.guest_phys_addr = m->region[i].start,
			.memory_size = m->region[i].bytes,
			.userspace_addr = (uint64_t)(uintptr_t)m->region[i].host,
		};
	return tell(v, VHOST_SET_MEM_TABLE, "the guest's memory", &table);
}

static int set_size(struct vhost *v, const struct vhost_vring_state *s)
{
	return tell(v, VHOST_SET_VRING_NUM, "the ring's size", s);
}

static int set_base(struct vhost *v, const struct vhost_vring_state *s)
{
	return tell(v, VHOST_SET_VRING_BASE, "the ring's position", s);
}

static int get_base(struct vhost *v, struct vhost_vring_state *s)
{
	return tell(v, VHOST_GET_VRING_BASE, "to say where it is", s);
}

static int set_addresses(struct vhost *v, const struct vhost_vring_addr *a)
{
	return tell(v, VHOST_SET_VRING_ADDR, "the ring's addresses", a);
}

static int set_kick(struct vhost *v, const struct vhost_vring_file *f)
{
	return tell(v, VHOST_SET_VRING_KICK, "the doorbell", f);
}

static int set_call(struct vhost *v, const struct vhost_vring_file *f)
{
	return tell(v, VHOST_SET_VRING_CALL, "the interrupt", f);
}

static int set_error(struct vhost *v, const struct vhost_vring_file *f)
{
	return tell(v, VHOST_SET_VRING_ERR, "a way to complain", f);
}

static int run(struct vhost *v, unsigned int ring, bool on)
{
	struct vhost_kernel *k = (struct vhost_kernel *)v;
	struct vhost_vring_file f = {.index = ring, .fd = on ? k->tap_fd : -1};

	return tell(v, VHOST_NET_SET_BACKEND, on ? "the tap" : "to leave the tap", &f);
}

static const struct vhost_ops ops = {
	.set_features = set_features,
	.set_memory = set_memory,
	.set_size = set_size,
	.set_base = set_base,
	.get_base = get_base,
	.set_addresses = set_addresses,
	.set_kick = set_kick,
	.set_call = set_call,
	.set_error = set_error,
	.run = run,
};

struct named {
	char name[20];
	int *tids;
	unsigned int count;
};

static bool take_named(void *ctx, pid_t id, const char *name)
{
	struct named *n = ctx;

	if (!strcmp(name, n->name))
		n->tids[n->count++] = id;
	return n->count < WORKERS_MAX;
}

/* Since Linux 6.4 a worker is a thread of ours; before, one of the kernel's. */
static unsigned int workers(int *tids)
{
	struct named n = {.tids = tids};

	snprintf(n.name, sizeof(n.name), "vhost-%d", gettid());
	threads_each("/proc/self/task", take_named, &n);
	if (!n.count)
		threads_each("/proc", take_named, &n);
	return n.count;
}

static int newcomer(const int *before, unsigned int before_count)
{
	int now[WORKERS_MAX];
	unsigned int count = workers(now), j;

	for (unsigned int i = 0; i < count; i++) {
		for (j = 0; j < before_count && before[j] != now[i]; j++)
			;
		if (j == before_count)
			return now[i];
	}
	return 0;
}

static int become_owner(struct vhost_kernel *k)
{
	int before[WORKERS_MAX];
	unsigned int count = workers(before);

	if (ioctl(k->fd, VHOST_SET_OWNER))
		return err_errno(DEVICE ": cannot start its worker");
	k->worker = newcomer(before, count);
	if (ioctl(k->fd, VHOST_GET_FEATURES, &k->vhost.features))
		return err_errno(DEVICE ": cannot ask for its features");
	if (!(k->vhost.features >> VIRTIO_F_VERSION_1 & 1))
		return err_set(DEVICE ": this kernel's vhost knows nothing of virtio 1");
	return 0;
}

int vhost_kernel_open(struct vhost_kernel *k, int tap_fd)
{
	*k = (struct vhost_kernel){.vhost.ops = &ops, .tap_fd = tap_fd};
	k->fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	if (k->fd < 0 && (errno == ENOENT || errno == ENXIO || errno == ENODEV))
		return err_set(DEVICE " is not there; load it by: modprobe vhost_net");
	if (k->fd < 0)
		return err_errno(DEVICE ": cannot open it; may this user?");
	if (!become_owner(k))
		return 0;
	vhost_kernel_close(k);
	return -1;
}

void vhost_kernel_close(struct vhost_kernel *k)
{
	if (k->fd >= 0)
		close(k->fd);
	k->fd = -1;
}
