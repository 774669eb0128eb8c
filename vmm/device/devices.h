/* The descriptors of the devices in this folder, for the list. */
#ifndef STRATA_VMM_DEVICE_DEVICES_H
#define STRATA_VMM_DEVICE_DEVICES_H

#include "vmm/device.h"

extern const struct device_type device_serial;
extern const struct device_type device_pm;
extern const struct device_type device_rtc;
extern const struct device_type device_i8042;
extern const struct device_type device_pvpanic;
extern const struct device_type device_debug_exit;
extern const struct device_type device_ivshmem;

#endif
