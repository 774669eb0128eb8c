/* Opening a tap, and what may go wrong with it in words. */
#include "vmm/net/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <linux/virtio_net.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
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

bool tap_is_macvtap(const char *name)
{
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
	struct ifreq request = {.ifr_data = (char *)&info};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool is;

	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	is = fd >= 0 && !ioctl(fd, SIOCETHTOOL, &request) && !strcmp(info.driver, "macvlan");
	if (fd >= 0)
		close(fd);
	return is;
}

/* Is this open file that interface's? Another namespace may have one of the same number. */
static bool file_is_of(int fd, const char *name)
{
	struct ifreq request = {0};

	return !ioctl(fd, TUNGETIFF, &request) && !strncmp(request.ifr_name, name, IFNAMSIZ);
}

static int macvtap_open(const char *name, short flags)
{
	char path[32];
	int fd, saved;

	snprintf(path, sizeof(path), "/dev/tap%u", if_nametoindex(name));
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return err_set("macvtap %s: there is no %s; is it a macvlan, or of another "
			       "/dev? Make it by: ip link add link DEVICE name %s type macvtap "
			       "mode bridge",
			       name, path, name);
	if (fd < 0)
		return err_errno("macvtap %s: cannot open %s", name, path);
	if (!file_is_of(fd, name)) {
		close(fd);
		return err_set("macvtap %s: %s belongs to another interface, of another "
			       "network namespace",
			       name, path);
	}
	if (!set_interface(fd, name, flags))
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return err_errno("macvtap %s: cannot set %s up", name, path);
}

int tap_open(const char *name, bool multi_queue)
{
	short flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
	int fd, saved;

	/* TUNSETIFF would make one that leads nowhere. */
	if (!if_nametoindex(name))
		return err_set("tap %s does not exist; make it by: ip tuntap add %s mode tap%s",
			       name, name, multi_queue ? " multi_queue" : "");
	if (tap_is_macvtap(name))
		return macvtap_open(name, flags | (multi_queue ? IFF_MULTI_QUEUE : 0));
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

bool tap_present(int fd)
{
	struct ifreq request = {0};

	return !ioctl(fd, TUNGETIFF, &request);
}

int tap_address(int fd, uint8_t mac[ETH_ALEN])
{
	struct ifreq request = {0};

	if (ioctl(fd, SIOCGIFHWADDR, &request))
		return err_errno("tap: cannot ask for its address");
	memcpy(mac, request.ifr_hwaddr.sa_data, ETH_ALEN);
	return 0;
}

bool tap_knows_offloads(int fd, unsigned int offloads)
{
	return !ioctl(fd, TUNSETOFFLOAD, offloads) && !ioctl(fd, TUNSETOFFLOAD, 0);
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
