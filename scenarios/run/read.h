/* The parts of a scenario's file: see scenario.h. Each takes the value of a key into a struct
 * scenario; -1 with "FILE:LINE: ...". */
#ifndef STRATA_SCENARIOS_RUN_READ_H
#define STRATA_SCENARIOS_RUN_READ_H

#include "scenarios/run/scenario.h"
#include "scenarios/run/yaml.h"

int read_needs(struct yaml *y, yaml_node_t *n, void *into);
int read_vms(struct yaml *y, yaml_node_t *n, void *into);
int read_remedies(struct yaml *y, yaml_node_t *n, void *into);
int read_load(struct yaml *y, yaml_node_t *n, void *into);
int read_noise(struct yaml *y, yaml_node_t *n, void *into);

/* Lower-case letters and digits: it becomes the name of files, cgroups and processes. */
int read_name(struct yaml *y, yaml_node_t *n, char *to, size_t bytes);

/* The index of the VM that is called so. */
int read_vm(struct yaml *y, yaml_node_t *n, const struct scenario *s, unsigned int *vm);

#endif
