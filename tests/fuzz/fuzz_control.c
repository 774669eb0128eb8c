/*
 * Fuzzes the control socket's requests: every input gets one line of JSON with "ok", true or
 * false, and an error's text if false.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "vmm/control.h"
#include "vmm/device/pm.h"
#include "vmm/machine.h"
#include "vmm/settings.h"
#include "vmm/status.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The machine that requests reach: it takes note of nothing. */
int machine_pause(struct machine *m)
{
	(void)m;
	return err_set("the machine has ended");
}

int machine_resume(struct machine *m)
{
	(void)m;
	return 0;
}

void machine_end(struct machine *m, enum machine_end end, const char *fmt, ...)
{
	(void)m;
	(void)end;
	(void)fmt;
}

void acpi_pm_press(struct acpi_pm *p)
{
	(void)p;
}

void status_report(struct machine *m, json_t *into)
{
	(void)m;
	json_object_set_new(into, "name", json_string("fuzz"));
}

void status_counters(struct machine *m, json_t *into)
{
	(void)m;
	(void)into;
}

int settings_limit(struct machine *m, int64_t device, const char *name, uint64_t value)
{
	(void)m;
	(void)name;
	return device < 0 || value > INT64_MAX ? -1 : 0;
}

int settings_halt_poll(struct machine *m, uint64_t ns)
{
	(void)m;
	return ns > INT64_MAX ? -1 : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct machine m;
	char *text = control_answer(&m, (const char *)data, size);
	json_t *reply = json_loads(text, 0, NULL);
	json_t *ok = json_object_get(reply, "ok");

	if (!json_is_boolean(ok) || strchr(text, '\n'))
		abort();
	if (json_is_false(ok) && !json_string_value(json_object_get(reply, "error")))
		abort();
	json_decref(reply);
	free(text);
	return 0;
}
