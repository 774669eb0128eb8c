/* One request of the control socket: parsed, done, answered. */
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "vmm/control.h"
#include "vmm/device/pm.h"
#include "vmm/machine.h"
#include "vmm/settings.h"
#include "vmm/status.h"

static int do_status(struct machine *m, const json_t *request, json_t *reply)
{
	(void)request;
	status_report(m, reply);
	return 0;
}

static int do_counters(struct machine *m, const json_t *request, json_t *reply)
{
	(void)request;
	status_counters(m, reply);
	return 0;
}

static int do_pause(struct machine *m, const json_t *request, json_t *reply)
{
	(void)request;
	(void)reply;
	return machine_pause(m);
}

static int do_resume(struct machine *m, const json_t *request, json_t *reply)
{
	(void)request;
	(void)reply;
	return machine_resume(m);
}

static int do_powerdown(struct machine *m, const json_t *request, json_t *reply)
{
	(void)request;
	(void)reply;
	acpi_pm_press(m->pm);
	return 0;
}

static int do_quit(struct machine *m, const json_t *request, json_t *reply)
{
	(void)request;
	(void)reply;
	machine_end(m, MACHINE_QUIT, "asked to quit through the control socket");
	return 0;
}

/* The whole number of that name, 0 at least. */
static int take_number(const json_t *request, const char *key, uint64_t *out)
{
	const json_t *value = json_object_get(request, key);

	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return err_set("the request lacks \"%s\", a whole number from 0 on", key);
	*out = (uint64_t)json_integer_value(value);
	return 0;
}

static int do_limit(struct machine *m, const json_t *request, json_t *reply)
{
	const char *limit = json_string_value(json_object_get(request, "limit"));
	uint64_t device, value;

	(void)reply;
	if (!limit)
		return err_set("the request lacks \"limit\", a name like \"rx-bytes\"");
	if (take_number(request, "device", &device) || take_number(request, "value", &value))
		return -1;
	return settings_limit(m, (int64_t)device, limit, value);
}

static int do_halt_poll(struct machine *m, const json_t *request, json_t *reply)
{
	uint64_t ns;

	(void)reply;
	return take_number(request, "ns", &ns) ? -1 : settings_halt_poll(m, ns);
}

static int do_help(struct machine *m, const json_t *request, json_t *reply);

#define KEYS_MAX 3

static const struct command {
	const char *name;
	const char *help;
	const char *keys[KEYS_MAX]; /* that it takes, besides "do" */
	int (*run)(struct machine *m, const json_t *request, json_t *reply);
} commands[] = {
	{"status", "everything about the machine", {NULL}, do_status},
	{"counters",
	 "exits, unclaimed accesses, the devices' own counters",
	 {NULL},
	 do_counters},
	{"limit",
	 "how much the device (a number) may carry: value bytes, packets or operations a second "
	 "by the limit's name (rx-bytes, read-ops, ...), 0 for no limit; or burst-ms",
	 {"device", "limit", "value"},
	 do_limit},
	{"halt-poll",
	 "how many ns KVM waits for a halted vCPU's next work",
	 {"ns"},
	 do_halt_poll},
	{"pause", "hold the vCPUs", {NULL}, do_pause},
	{"resume", "let them go on", {NULL}, do_resume},
	{"powerdown",
	 "press the power button: the guest shuts itself down if it listens",
	 {NULL},
	 do_powerdown},
	{"quit", "end the machine now", {NULL}, do_quit},
	{"help", "this list", {NULL}, do_help},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int do_help(struct machine *m, const json_t *request, json_t *reply)
{
	(void)request;
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

static bool takes(const struct command *c, const char *key)
{
	bool known = !strcmp(key, "do");

	for (int i = 0; i < KEYS_MAX && c->keys[i]; i++)
		known = known || !strcmp(key, c->keys[i]);
	return known;
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
	c = find(name);
	if (!c)
		return err_set(
			"there is no request \"%.40s\"; {\"do\":\"help\"} lists what there is",
			name);
	json_object_foreach ((json_t *)request, key, value)
		if (!takes(c, key))
			return err_set(
				"the request has a key that nothing here knows: \"%.40s\"",
				key);
	return c->run(m, request, reply);
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
