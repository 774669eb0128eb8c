/*
 * The part of a session that this machine cannot run itself: machines that boot a stock kernel,
 * where KVM is none or only interprets. It is run by strata bench inside the testbed machine,
 * and its results are put into the same document.
 */
#ifndef STRATA_BENCH_SUITE_TESTBED_H
#define STRATA_BENCH_SUITE_TESTBED_H

#include "bench/suite/options.h"

/* Must machines be run in the testbed, and can they? Then o->session.without says so. */
void testbed_choose(struct bench_options *o);

/* Run them there, and put what they gave into the document at o->output. Nothing is to be done
 * unless testbed_choose() said so. -1 with a sentence. */
int testbed_run(const struct bench_options *o, const volatile bool *stop);

#endif
