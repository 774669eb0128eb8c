/* The descriptor of the NVMe disk, for the list. */
#ifndef STRATA_VMM_NVME_DEVICES_H
#define STRATA_VMM_NVME_DEVICES_H

#include "vmm/device.h"

extern const struct device_type device_disk_nvme;

#endif
