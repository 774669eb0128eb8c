/* The descriptors of the devices in this folder, for the list. */
#ifndef STRATA_VMM_VFIO_DEVICES_H
#define STRATA_VMM_VFIO_DEVICES_H

#include "vmm/device.h"

extern const struct device_type device_net_vfio;
extern const struct device_type device_disk_vfio;

#endif
