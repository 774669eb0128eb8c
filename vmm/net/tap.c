/* Opening a tap, and what may go wrong with it in words. */
#include "vmm/net/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/err.h"

#define TUN_DEVICE "/dev/net/tun"

static int set_interface(int fd, const char *name, short flags)
{
	struct ifreq request = {.ifr_flags = flags};

	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	return ioctl(fd, TUNSETIFF, &request);
}

static int explain(const char *name, bool multi_queue)
{
	switch (errno) {
	case EBUSY:
		return err_set("tap %s is busy: another program has it open; stop that one, "
			       "or use another tap",
			       name);
	case EPERM:
		return err_set("tap %s: not permitted; run as root, or give the tap to this "
			       "user: ip tuntap add %s mode tap user $USER",
			       name, name);
	case EINVAL:
		return err_set("tap %s: it is no tap, or was made %s multi_queue; make it by: "
			       "ip tuntap add %s mode tap%s",
			       name, multi_queue ? "without" : "with", name,
			       multi_queue ? " multi_queue" : "");
	default:
		return err_errno("tap %s: cannot attach to it", name);
	}
}

int tap_open(const char *name, bool multi_queue)
{
	short flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
	int fd, saved;

	/* TUNSETIFF would make one that leads nowhere. */
	if (!if_nametoindex(name))
		return err_set("tap %s does not exist; make it by: ip tuntap add %s mode tap%s",
			       name, name, multi_queue ? " multi_queue" : "");
	fd = open(TUN_DEVICE, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return err_errno("tap %s: cannot open %s; is the module tun loaded?", name,
				 TUN_DEVICE);
	if (!set_interface(fd, name, flags | (multi_queue ? IFF_MULTI_QUEUE : 0)))
		return fd;
	/* One queue of a multi-queue tap will do for a guest that has one. */
	if (errno == EINVAL && !multi_queue &&
	    !set_interface(fd, name, flags | IFF_MULTI_QUEUE))
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return explain(name, multi_queue);
}

int tap_adopt(int fd, char name[IFNAMSIZ])
{
	struct ifreq request = {0};

	if (ioctl(fd, TUNGETIFF, &request))
		return err_errno("fd=%d is no open tap", fd);
	if (!(request.ifr_flags & IFF_TAP) || !(request.ifr_flags & IFF_VNET_HDR))
		return err_set("fd=%d: %s is no tap opened with IFF_TAP and IFF_VNET_HDR", fd,
			       request.ifr_name);
	memcpy(name, request.ifr_name, IFNAMSIZ);
	name[IFNAMSIZ - 1] = '\0';
	return 0;
}

int tap_prepare(int fd)
{
	int header = sizeof(struct virtio_net_hdr_v1);
	int flags = fcntl(fd, F_GETFL);

	if (ioctl(fd, TUNSETVNETHDRSZ, &header))
		return err_errno("tap: cannot set the virtio-net header to %d bytes", header);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK))
		return err_errno("tap: cannot make it non-blocking");
	return 0;
}

void tap_set_offloads(int fd, unsigned int offloads)
{
	if (ioctl(fd, TUNSETOFFLOAD, offloads) && offloads)
		ioctl(fd, TUNSETOFFLOAD, 0);
}

void tap_attach_queue(int fd, bool attach)
{
	struct ifreq request = {.ifr_flags = attach ? IFF_ATTACH_QUEUE : IFF_DETACH_QUEUE};

	/* Fails only where it is so already. */
	ioctl(fd, TUNSETQUEUE, &request);
}
