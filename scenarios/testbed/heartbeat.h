/*
 * Keeps an emulated processor from sleeping for ever.
 *
 * On a busy machine QEMU's TCG (10.0) now and then loses an interrupt: its threads change a
 * processor's interrupt_request without a common lock. If it was that of a processor's timer,
 * and nothing else comes, the processor sleeps on, with all that runs on it ("rcu_preempt
 * kthread timer wakeup didn't happen", "Possible timer handling issue"). Any later interrupt
 * brings the lost one along, so processors wake each other, four times a second.
 *
 * Threading: a thread for each processor, for as long as the process lives.
 */
#ifndef STRATA_SCENARIOS_TESTBED_HEARTBEAT_H
#define STRATA_SCENARIOS_TESTBED_HEARTBEAT_H

/* To be called once, with the signals blocked that are not for these threads. One processor has
 * nobody to wake it: nothing happens. -1 with a sentence. */
int heartbeat_start(void);

#endif
