/* The descriptor of the 82540EM, for the list. */
#ifndef STRATA_VMM_E1000_DEVICES_H
#define STRATA_VMM_E1000_DEVICES_H

#include "vmm/device.h"

extern const struct device_type device_net_e1000;

#endif
