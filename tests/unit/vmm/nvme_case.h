/* What each test of the running NVMe controller begins with: a guest whose queues are made, on
 * a fake disk that has something in it. */
#ifndef STRATA_TESTS_NVME_CASE_H
#define STRATA_TESTS_NVME_CASE_H

#include "tests/unit/vmm/nvme_guest.h"

extern struct nvme_guest g;

/* Before and after each test, as cmocka wants them. */
int nvme_case_begin(void **state);
int nvme_case_end(void **state);

#define NVME_CASE(test) cmocka_unit_test_setup_teardown(test, nvme_case_begin, nvme_case_end)

#endif
