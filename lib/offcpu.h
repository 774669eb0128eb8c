/*
 * A task that was off the CPU: the layout of CONTEXT_TASK_OFF's event, for BPF C and user C.
 *
 * Of a vCPU's thread, a vhost worker, a thread of the VMM, or a process that reads from a
 * server's sockets. One event tells of one stay off the CPU, when it is over:
 *
 *   time_ns      when it left the CPU; arg64: for how long
 *   len          of that, the last nanoseconds in which it was runnable and had no CPU
 *   seq          of those, nanoseconds in which its cgroup's quota was used up (cpu.max)
 *   tid, vm, queue  who it is; queue is a vCPU's index
 *   arg32        the rival: the thread that had the CPU instead; 0: no other, it was idle
 *   flow, packet the rival's name, 16 bytes of comm
 *   client_port, server_port  low and high half of the rival's cgroup number (its inode)
 *   device       the VM that the rival works for; 0: none
 *   reserved     OFF_* bits
 *
 * Sources: kernel/sched/core.c (sched_switch, sched_waking), kernel/sched/fair.c
 * (throttled_clock_self_time), include/linux/sched/types (sched_info).
 */
#ifndef STRATA_LIB_OFFCPU_H
#define STRATA_LIB_OFFCPU_H

enum off_task { OFF_SERVER, OFF_VCPU, OFF_WORKER, OFF_VMM };

/* What ended the sleep of a server's process. */
enum off_waker {
	OFF_WAKER_OTHER,    /* a timer, another process, a signal: none of those below */
	OFF_WAKER_REQUEST,  /* data on a connection of the service */
	OFF_WAKER_UPSTREAM, /* data on another socket */
	OFF_WAKER_WINDOW,   /* the client's acknowledgement made room */
};

#define OFF_TASK        3u        /* enum off_task */
#define OFF_BLOCKED     (1u << 2) /* it had left the CPU by itself; else it was taken away */
#define OFF_DISK        (1u << 3) /* it waited for input or output: D, or in_iowait */
#define OFF_WAKER_SHIFT 4         /* enum off_waker */
#define OFF_WAKER       (3u << OFF_WAKER_SHIFT)
#define OFF_LAST        (1u << 6) /* the rival had the CPU to the end; else at first */
#define OFF_SHARE_SHIFT 7         /* percent of the wait that the rival had; 0: not known */
#define OFF_SHARE       (127u << OFF_SHARE_SHIFT)

/* Of OFF_VMM, told by the VMM itself: no thread was off the CPU, but a limit of the device's
 * own (vmm/limit.h) held its queue up for that long. */
#define OFF_LIMITED (1u << 14)

#define OFF_COMM_BYTES 16

#endif
