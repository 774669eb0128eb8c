/* What this machine's KVM is: it decides what every figure means. */
#ifndef STRATA_BENCH_SUITE_KVM_KIND_H
#define STRATA_BENCH_SUITE_KVM_KIND_H

#include <jansson.h>

/* {"kind": "hardware", "nested", "emulated" (the testbed), "interpreted" or "absent",
 * "guest_ips", "native_ips", "lacking"}. The caller's reference. */
json_t *kvm_kind(void);

/* The programs that are measured, or measure, and their versions; null: not installed. */
json_t *program_versions(void);

#endif
