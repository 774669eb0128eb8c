/* The functions that the rows of the table (table.c) are made of. */
#ifndef STRATA_SCENARIOS_REMEDIES_ROWS_H
#define STRATA_SCENARIOS_REMEDIES_ROWS_H

#include "scenarios/remedies/remedies.h"

#define ROW_FUNCTIONS(row)                                                               \
	int row##_apply(struct remedy_vm *vm, const struct remedy *r, const char *text); \
	json_t *row##_read(struct remedy_vm *vm, const struct remedy *r)

ROW_FUNCTIONS(cgroup_row);
ROW_FUNCTIONS(cpu_max);
ROW_FUNCTIONS(partition);
ROW_FUNCTIONS(io_max);
ROW_FUNCTIONS(pin_vcpus);
ROW_FUNCTIONS(io_core);
ROW_FUNCTIONS(tap_rate);
ROW_FUNCTIONS(tap_police);
ROW_FUNCTIONS(tap_fq);
ROW_FUNCTIONS(resctrl);
ROW_FUNCTIONS(halt_poll);
ROW_FUNCTIONS(device_limit);
ROW_FUNCTIONS(hugepages);

#undef ROW_FUNCTIONS

/* Is the text a value of such a row? -1 with a sentence. */
int check_bytes(const char *text);
int check_weight(const char *text);
int check_cpus(const char *text);
int check_cpu_max(const char *text);
int check_partition(const char *text);
int check_io(const char *text);
int check_pins(const char *text);
int check_core(const char *text);
int check_rate(const char *text);
int check_fq(const char *text);
int check_mask(const char *text);
int check_percent(const char *text);
int check_halt_poll(const char *text);
int check_amount(const char *text);
int check_count(const char *text);
int check_burst(const char *text);
int check_hugepages(const char *text);

struct cgroup_row;
extern const struct cgroup_row row_cpu_weight, row_cpuset_cpus, row_memory_max, row_memory_high,
	row_memory_min, row_memory_low;

/* resctrl: which resource's part of the schemata. */
struct resctrl_row {
	const char *resource; /* "L3" */
	const char *what;     /* for a sentence */
};
extern const struct resctrl_row row_l3, row_mba;

#endif
