/* The power button, for those who press it. */
#ifndef STRATA_VMM_DEVICE_PM_H
#define STRATA_VMM_DEVICE_PM_H

struct acpi_pm;

/* Press the ACPI power button: a guest that listens shuts itself down. Any thread. */
void acpi_pm_press(struct acpi_pm *p);

#endif
