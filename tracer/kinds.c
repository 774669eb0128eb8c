/* The numbers of hops in a recording: see kinds.h. */
#include "tracer/kinds.h"

#include <string.h>

#include "lib/hop.h"

/* As they were numbered before META named them. */
static const char *const first_names[] = {
	"client.send",   "client.xmit",   "nic.irq",     "nic.rx",         "vswitch.in",
	"port.queue",    "port.xmit",     "vmm.rx.read", "vmm.rx.publish", "kvm.irq",
	"vcpu.wake",     "vcpu.run",      "kvm.entry",   "guest.irq",      "guest.napi",
	"stack.rx",      "tcp.rx",        "sock.ready",  "app.run",        "app.read",
	"nginx.process", "nginx.respond", "app.write",   "stack.queue",    "stack.xmit",
	"kvm.exit",      "kvm.kick",      "vmm.tx.pop",  "port.rx",        "nic.queue",
	"nic.xmit",      "client.rx",     "client.recv", "vcpu.out",
};

json_t *kinds_meta(void)
{
	json_t *names = json_array();

	for (int kind = 0; kind < EVENT_KINDS; kind++)
		json_array_append_new(names, json_string(event_kind_name(kind)));
	return names;
}

static uint8_t kind_named(const char *name)
{
	for (int kind = 0; kind < EVENT_KINDS; kind++)
		if (!strcmp(event_kind_name(kind), name))
			return (uint8_t)kind;
	return KIND_UNKNOWN;
}

void kinds_learn(struct kinds *k, const json_t *names)
{
	const json_t *name;
	size_t i;

	memset(k->kind, KIND_UNKNOWN, sizeof(k->kind));
	for (i = 0; !names && i < sizeof(first_names) / sizeof(first_names[0]); i++)
		k->kind[i] = kind_named(first_names[i]);
	json_array_foreach (names, i, name)
		if (i < KINDS_MAX && json_is_string(name))
			k->kind[i] = kind_named(json_string_value(name));
}
