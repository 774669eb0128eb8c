/* The findings, for people and for programs. */
#ifndef STRATA_DOCTOR_REPORT_H
#define STRATA_DOCTOR_REPORT_H

#include <stdio.h>

#include "scenarios/doctor/check.h"

/* Both: -1 with a sentence if it cannot be written. */
int report_table(const struct finding findings[CHECK_COUNT], FILE *out);
int report_json(const struct finding findings[CHECK_COUNT], FILE *out);

#endif
