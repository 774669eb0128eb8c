/* The descriptors of the virtio devices, for the list. */
#ifndef STRATA_VMM_VIRTIO_DEVICES_H
#define STRATA_VMM_VIRTIO_DEVICES_H

#include "vmm/device.h"

extern const struct device_type device_net_virtio;
extern const struct device_type device_net_vhost;
extern const struct device_type device_net_vhost_user;
extern const struct device_type device_disk_virtio;
extern const struct device_type device_disk_vhost_user;
extern const struct device_type device_rng;

#endif
