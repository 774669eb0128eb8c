/*
 * Keeps an emulated processor from sleeping for ever.
 *
 * Seen with QEMU's TCG (10.0) on a busy machine: a processor's timer is due, and nothing comes;
 * the processor sleeps on, with all that runs on it ("rcu_preempt kthread timer wakeup didn't
 * happen", "Possible timer handling issue"). QEMU before 10.2 changes a processor's
 * interrupt_request at VMRUN and VMEXIT without an atomic operation (target/i386/tcg/system/
 * svm_helper.c), which can undo another thread's. The build fetches a newer one where it can;
 * where it cannot, processors wake each other, four times a second: another's interrupt makes
 * the kernel look at the time again. Where that was what helped, the console says so.
 *
 * Threading: a thread for each processor, for as long as the process lives.
 */
#ifndef STRATA_SCENARIOS_TESTBED_HEARTBEAT_H
#define STRATA_SCENARIOS_TESTBED_HEARTBEAT_H

/* To be called once, with the signals blocked that are not for these threads. One processor has
 * nobody to wake it: nothing happens. -1 with a sentence. */
int heartbeat_start(void);

#endif
