/* One request of the control socket: parsed, done, answered. */
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "vmm/control.h"
#include "vmm/device/pm.h"
#include "vmm/machine.h"
#include "vmm/status.h"

static int do_status(struct machine *m, json_t *reply)
{
	status_report(m, reply);
	return 0;
}

static int do_counters(struct machine *m, json_t *reply)
{
	status_counters(m, reply);
	return 0;
}

static int do_pause(struct machine *m, json_t *reply)
{
	(void)reply;
	return machine_pause(m);
}

static int do_resume(struct machine *m, json_t *reply)
{
	(void)reply;
	return machine_resume(m);
}

static int do_powerdown(struct machine *m, json_t *reply)
{
	(void)reply;
	acpi_pm_press(m->pm);
	return 0;
}

static int do_quit(struct machine *m, json_t *reply)
{
	(void)reply;
	machine_end(m, MACHINE_QUIT, "asked to quit through the control socket");
	return 0;
}

static int do_help(struct machine *m, json_t *reply);

static const struct command {
	const char *name;
	const char *help;
	int (*run)(struct machine *m, json_t *reply);
} commands[] = {
	{"status", "everything about the machine", do_status},
	{"counters", "exits, unclaimed accesses, the devices' own counters", do_counters},
	{"pause", "hold the vCPUs", do_pause},
	{"resume", "let them go on", do_resume},
	{"powerdown", "press the power button: the guest shuts itself down if it listens",
	 do_powerdown},
	{"quit", "end the machine now", do_quit},
	{"help", "this list", do_help},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int do_help(struct machine *m, json_t *reply)
{
	json_t *list = json_object();

	(void)m;
	for (size_t i = 0; i < COMMANDS; i++)
		json_object_set_new(list, commands[i].name, json_string(commands[i].help));
	json_object_set_new(reply, "requests", list);
	return 0;
}

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static int run(struct machine *m, const json_t *request, json_t *reply)
{
	const char *name = json_string_value(json_object_get(request, "do"));
	const struct command *c;
	const char *key;
	json_t *value;

	if (!json_is_object(request))
		return err_set("a request is an object, like {\"do\":\"status\"}");
	if (!name)
		return err_set(
			"the request lacks \"do\", a string; {\"do\":\"help\"} lists what there is");
	json_object_foreach ((json_t *)request, key, value)
		if (strcmp(key, "do"))
			return err_set(
				"the request has a key that nothing here knows: \"%.40s\"",
				key);
	c = find(name);
	if (!c)
		return err_set(
			"there is no request \"%.40s\"; {\"do\":\"help\"} lists what there is",
			name);
	return c->run(m, reply);
}

/* Our own error text, which may quote bytes of the request that are not UTF-8, whole or cut. */
static json_t *error_text(void)
{
	json_t *text = json_string(err_text());
	char plain[512];
	size_t n = 0;

	if (text)
		return text;
	for (const char *p = err_text(); *p && n + 1 < sizeof(plain); p++)
		plain[n++] = *p >= ' ' && *p <= '~' ? *p : '?';
	plain[n] = '\0';
	return json_string(plain);
}

char *control_answer(struct machine *m, const char *request, size_t length)
{
	json_error_t e;
	json_t *parsed =
		json_loadb(request, length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &e);
	json_t *reply = json_object();
	char *text;
	int ret;

	json_object_set_new(reply, "ok", json_true());
	if (parsed)
		ret = run(m, parsed, reply);
	else
		ret = err_set("not JSON: %s at byte %d", e.text, e.position);
	if (ret) {
		json_object_clear(reply);
		json_object_set_new(reply, "ok", json_false());
		json_object_set_new(reply, "error", error_text());
	}
	json_decref(parsed);
	text = json_dumps(reply, JSON_COMPACT);
	json_decref(reply);
	return text;
}
