/*
 * How a virtual machine fares, looked at again and again: an event of kind CONTEXT_VITAL
 * carries one figure, so that figures are recorded, discarded and read as all events are.
 *
 * vm says whose it is, arg32 which figure, arg64 how much. Numbers are in recordings: new
 * figures come last.
 */
#ifndef STRATA_LIB_VITAL_H
#define STRATA_LIB_VITAL_H

enum vital {
	/* Of a vCPU, its index in queue: nanoseconds that its thread was runnable and had no
	 * CPU; nanoseconds that it had one. The kernel's Documentation/scheduler/
	 * sched-stats.rst, /proc/PID/schedstat. Told in this order: RUN ends a look. */
	VITAL_WAIT,
	VITAL_RUN,
	/* Of a CPU of the guest, its number in queue: nanoseconds that by the guest's own
	 * account were taken from it (/proc/stat, in steps of its tick). */
	VITAL_STEAL,
	/* Of a virtqueue, its index in queue: buffers that the driver has offered and the
	 * device has not given back. device is the VMM's number of the device, seq its virtio
	 * id, len how many the queue can hold. */
	VITAL_QUEUE,
	VITALS
};

#define VITAL_VCPUS_MAX 64

#endif
