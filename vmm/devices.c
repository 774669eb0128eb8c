/* The list of devices: the one place that names them all. Order is that of --help and of
 * creation. */
#include "vmm/device/devices.h"
#include "vmm/e1000/devices.h"
#include "vmm/nvme/devices.h"
#include "vmm/vfio/devices.h"
#include "vmm/virtio/devices.h"

/* clang-format off */
const struct device_type *const device_types[] = {
	&device_serial,
	&device_pm,
	&device_rtc,
	&device_i8042,
	&device_pvpanic,
	&device_debug_exit,
	&device_ivshmem,
	&device_net_virtio,
	&device_net_e1000,
	&device_net_vhost,
	&device_net_vhost_user,
	&device_net_vfio,
	&device_disk_virtio,
	&device_disk_vhost_user,
	&device_disk_nvme,
	&device_disk_vfio,
	&device_rng,
	NULL,
};
/* clang-format on */
