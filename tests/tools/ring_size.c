/*
 * ring_size INTERFACE N: have a card's receive and transmit rings hold N buffers (ethtool -G).
 * A virtio driver resets each queue by itself for it.
 */
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

int main(int argc, char **argv)
{
	struct ethtool_ringparam ring = {.cmd = ETHTOOL_GRINGPARAM};
	struct ifreq request = {.ifr_data = (char *)&ring};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (argc != 3)
		return 2;
	snprintf(request.ifr_name, IFNAMSIZ, "%s", argv[1]);
	if (ioctl(fd, SIOCETHTOOL, &request)) {
		perror("ETHTOOL_GRINGPARAM");
		return 1;
	}
	ring.cmd = ETHTOOL_SRINGPARAM;
	ring.rx_pending = ring.tx_pending = (uint32_t)atoi(argv[2]);
	if (ioctl(fd, SIOCETHTOOL, &request)) {
		perror("ETHTOOL_SRINGPARAM");
		return 1;
	}
	return 0;
}
