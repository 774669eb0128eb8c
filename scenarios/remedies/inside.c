/*
 * What the VMM itself keeps or does, asked for through its control socket: rates of its
 * devices, how long a halted vCPU is waited for, huge pages.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/threads.h"
#include "lib/units.h"
#include "lib/vm.h"
#include "scenarios/remedies/internal.h"
#include "scenarios/remedies/rows.h"

#define ASK_MS     10000
#define POLL_MOST  10000000 /* 10 ms */
#define POLL_PARAM "/sys/module/kvm/parameters/halt_poll_ns"

/* A request made of json_pack()'s result, which is stolen. NULL with a sentence. */
static json_t *ask(const struct remedy_vm *vm, json_t *request)
{
	json_t *reply = NULL;

	if (vm->control[0])
		reply = vm_ask(vm->control, request, ASK_MS);
	else
		err_set("VM %s has no control socket that is known", vm->name);
	json_decref(request);
	return reply;
}

static int tell(const struct remedy_vm *vm, json_t *request)
{
	json_t *reply = ask(vm, request);

	json_decref(reply);
	return reply ? 0 : -1;
}

static bool has_ended(const struct remedy_vm *vm)
{
	return threads_start(vm->pid) != vm->start;
}

/* ---- rates of devices ---- */

static json_t *limit_request(json_int_t device, const char *limit, json_int_t value)
{
	return json_pack("{s:s,s:I,s:s,s:I}", "do", "limit", "device", device, "limit", limit,
			 "value", value);
}

static int device_undo(struct remedy_vm *vm, const json_t *item)
{
	if (has_ended(vm))
		return 0;
	return tell(vm, limit_request(item_number(item, "device"), record_text(item, "limit"),
				      item_number(item, "before")));
}

const struct undo_kind undo_device = {"device", device_undo};

/* "net.rx-bytes", or "net2.rx-bytes" for the device of that number: is it one of d's? */
static bool is_meant(const struct remedy_vm *vm, const json_t *d)
{
	size_t letters = strcspn(vm->now, "0123456789.");
	const char *type = record_text(d, "type");

	if (strlen(type) != letters || strncmp(type, vm->now, letters) != 0)
		return false;
	return vm->now[letters] == '.' || atoll(vm->now + letters) == item_number(d, "index");
}

static int limit_device(struct remedy_vm *vm, const json_t *d, uint64_t value)
{
	const char *limit = strchr(vm->now, '.') + 1;
	json_int_t device = item_number(d, "index");
	char key[64];

	snprintf(key, sizeof(key), "%d %s", (int)device, limit);
	if (!record_find(vm, &undo_device, "key", key) &&
	    record_begin(
		    vm, &undo_device,
		    json_pack("{s:s,s:I,s:s,s:I}", "key", key, "device", device, "limit", limit,
			      "before",
			      (json_int_t)item_number(json_object_get(d, "limits"), limit))))
		return -1;
	return tell(vm, limit_request(device, limit, (json_int_t)value));
}

static int no_device(const struct remedy_vm *vm)
{
	return vm->status
		       ? err_set("VM %s has no such device", vm->name)
		       : err_set("rates inside the VMM are strata-vmm's, through its control "
				 "socket; tap.rx-rate and io.max are for any VM");
}

/* bytes, packets or operations a second; 0: no limit. */
static int parse_limit(const struct remedy *r, const char *text, uint64_t *value)
{
	*value = 0;
	if (r->check == check_burst) {
		if (units_parse_ns(text, value))
			return -1;
		*value /= 1000000;
		return 0;
	}
	if (!strcmp(text, "max"))
		return 0;
	return r->check == check_amount ? units_parse_bytes(text, value)
					: value_number(text, 1, UINT32_MAX, value);
}

int device_limit_apply(struct remedy_vm *vm, const struct remedy *r, const char *text)
{
	json_t *status = vm->status ? vm_do(vm->control, "status", ASK_MS) : NULL, *d;
	uint64_t value;
	int limited = 0, result;
	const json_t *without = NULL;
	size_t i;

	result = parse_limit(r, text, &value);
	json_array_foreach (json_object_get(status, "devices"), i, d) {
		if (result || !is_meant(vm, d))
			continue;
		if (!json_object_get(d, "limits")) {
			without = d;
			continue;
		}
		limited++;
		result = limit_device(vm, d, value);
	}
	/* The VMM says why that one keeps none, and who does instead. */
	if (!result && !limited)
		result = without ? tell(vm, limit_request(item_number(without, "index"),
							  strchr(r->name, '.') + 1,
							  (json_int_t)value))
				 : no_device(vm);
	json_decref(status);
	return result;
}

json_t *device_limit_read(struct remedy_vm *vm, const struct remedy *r)
{
	json_t *status = vm->status ? vm_do(vm->control, "status", ASK_MS) : NULL, *d;
	const char *limit = strchr(r->name, '.') + 1;
	json_t *o = json_object();
	char number[16];
	size_t i;

	json_array_foreach (json_object_get(status, "devices"), i, d) {
		json_int_t value = item_number(json_object_get(d, "limits"), limit);

		if (!is_meant(vm, d) || !json_object_get(d, "limits"))
			continue;
		snprintf(number, sizeof(number), "%d", (int)item_number(d, "index"));
		json_object_set_new(o, number, value ? json_integer(value) : json_null());
	}
	json_decref(status);
	if (json_object_size(o))
		return o;
	json_decref(o);
	no_device(vm);
	return NULL;
}

int check_amount(const char *text)
{
	uint64_t n;

	if (!strcmp(text, "max"))
		return 0;
	if (units_parse_bytes(text, &n))
		return -1;
	return n ? 0 : err_set("\"%s\" would let nothing through at all", text);
}

int check_count(const char *text)
{
	uint64_t n;

	return strcmp(text, "max") ? value_number(text, 1, UINT32_MAX, &n) : 0;
}

int check_burst(const char *text)
{
	uint64_t ns;

	if (units_parse_ns(text, &ns))
		return -1;
	return ns >= 1000000 && ns <= 10000000000
		       ? 0
		       : err_set("\"%s\": a burst is from 1ms to 10s of the rate", text);
}

/* ---- halt polling ---- */

static json_t *poll_request(json_int_t ns)
{
	return json_pack("{s:s,s:I}", "do", "halt-poll", "ns", ns);
}

static int halt_poll_undo(struct remedy_vm *vm, const json_t *item)
{
	return has_ended(vm) ? 0 : tell(vm, poll_request(item_number(item, "before")));
}

const struct undo_kind undo_halt_poll = {"halt-poll", halt_poll_undo};

int check_halt_poll(const char *text)
{
	uint64_t ns;

	if (!strcmp(text, "0"))
		return 0;
	if (units_parse_ns(text, &ns))
		return -1;
	return ns <= POLL_MOST ? 0 : err_set("\"%s\": at most 10ms", text);
}

/* What the VM does now: the host's default, unless it was told. -1 with a sentence. */
static int poll_now(const struct remedy_vm *vm, bool *own, long long *ns)
{
	json_t *status = vm->control[0] ? vm_do(vm->control, "status", ASK_MS) : NULL;
	json_t *poll = json_object_get(status, "halt_poll");
	char path[PATH_MAX], text[32];

	*own = json_is_true(json_object_get(poll, "per_vm"));
	*ns = json_is_integer(json_object_get(poll, "ns")) ? item_number(poll, "ns") : -1;
	json_decref(status);
	if (*ns >= 0)
		return 0;
	snprintf(path, sizeof(path), "%s" POLL_PARAM, vm->root);
	if (file_text(text, sizeof(text), path))
		return -1;
	*ns = atoll(text);
	return 0;
}

int halt_poll_apply(struct remedy_vm *vm, const struct remedy *r, const char *text)
{
	char path[PATH_MAX], number[24];
	uint64_t ns = 0;
	long long before;
	bool own;

	(void)r;
	if ((strcmp(text, "0") && units_parse_ns(text, &ns)) || poll_now(vm, &own, &before))
		return -1;
	if (!own) {
		/* All VMs of the host, then: the kernel knows no other way, or the VMM. */
		snprintf(path, sizeof(path), "%s" POLL_PARAM, vm->root);
		snprintf(number, sizeof(number), "%llu", (unsigned long long)ns);
		return record_write(vm, path, number, NULL);
	}
	if (!record_find(vm, &undo_halt_poll, "key", "halt-poll") &&
	    record_begin(
		    vm, &undo_halt_poll,
		    json_pack("{s:s,s:I}", "key", "halt-poll", "before", (json_int_t)before)))
		return -1;
	return tell(vm, poll_request((json_int_t)ns));
}

json_t *halt_poll_read(struct remedy_vm *vm, const struct remedy *r)
{
	long long ns;
	bool own;

	(void)r;
	return poll_now(vm, &own, &ns) ? NULL : json_integer(ns);
}

/* ---- huge pages ---- */

int check_hugepages(const char *text)
{
	return !strcmp(text, "2M") || !strcmp(text, "1G") ? 0
							  : err_set("\"%s\": 2M or 1G", text);
}

int hugepages_apply(struct remedy_vm *vm, const struct remedy *r, const char *text)
{
	(void)vm;
	(void)r;
	return err_set("the guest's memory is where it is while the VM runs: start it with "
		       "\"strata vm run --hugepages %s\"",
		       text);
}

json_t *hugepages_read(struct remedy_vm *vm, const struct remedy *r)
{
	(void)r;
	if (vm->status)
		return json_incref(json_object_get(vm->status, "hugepages"));
	err_set("only strata-vmm tells, through its control socket");
	return NULL;
}
