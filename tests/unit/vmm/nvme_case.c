/* A running NVMe controller for each test: see nvme_case.h. */
#include "tests/unit/vmm/nvme_case.h"

struct nvme_guest g;

int nvme_case_begin(void **state)
{
	(void)state;
	fake_disk_reset();
	fake_disk_fill();
	return nvme_guest_start(&g, "file=fake");
}

int nvme_case_end(void **state)
{
	(void)state;
	nvme_guest_destroy(&g);
	return 0;
}
