/* Names for dropped packets' reasons and places: see drops.h. */
#include "probes/drops.h"

#include <bpf/btf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FUNCTION_MAX (1u << 20) /* bytes */
#define PREFIX       "SKB_DROP_REASON_"

void drops_note(struct drops *d, uint32_t reason, uint64_t place)
{
	for (size_t i = 0; i < d->count; i++)
		if (d->at[i].reason == reason && d->at[i].place == place)
			return;
	if (d->count < DROPS_MAX)
		d->at[d->count++] = (struct probe_drop){.reason = reason, .place = place};
}

static void name_reason(const struct btf *btf, const struct btf_type *type,
			struct probe_drop *drop)
{
	const struct btf_enum *value = btf_enum(type);

	for (int i = 0; i < btf_vlen(type); i++) {
		const char *name = btf__name_by_offset(btf, value[i].name_off);

		if ((uint32_t)value[i].val != drop->reason || !name)
			continue;
		if (!strncmp(name, PREFIX, strlen(PREFIX)))
			name += strlen(PREFIX);
		snprintf(drop->name, sizeof(drop->name), "%s", name);
		return;
	}
}

static void name_reasons(struct drops *d)
{
	struct btf *btf = btf__load_vmlinux_btf();
	int id = btf ? btf__find_by_name_kind(btf, "skb_drop_reason", BTF_KIND_ENUM) : -1;

	for (size_t i = 0; id > 0 && i < d->count; i++)
		name_reason(btf, btf__type_by_id(btf, (uint32_t)id), &d->at[i]);
	btf__free(btf);
}

/* "ffffffff81000000 T _stext" or "ffffffffc0000000 t init\t[module]". */
static void name_place(struct probe_drop *drop, const char *rest)
{
	size_t n;

	rest += strspn(rest, " ");
	rest += strcspn(rest, " "); /* the type */
	rest += strspn(rest, " ");
	n = strcspn(rest, "\t\n");
	snprintf(drop->symbol, sizeof(drop->symbol), "%.*s", (int)n, rest);
}

/* The nearest symbol at or before each place, in one pass. */
static void name_places(struct drops *d)
{
	FILE *f = fopen("/proc/kallsyms", "re");
	uint64_t nearest[DROPS_MAX] = {0};
	char line[512], *rest;

	while (f && fgets(line, sizeof(line), f)) {
		uint64_t address = strtoull(line, &rest, 16);

		for (size_t i = 0; i < d->count; i++) {
			if (address > d->at[i].place || address <= nearest[i] ||
			    d->at[i].place - address > FUNCTION_MAX)
				continue;
			nearest[i] = address;
			name_place(&d->at[i], rest);
		}
	}
	if (f)
		fclose(f);
}

void drops_name(struct drops *d)
{
	if (!d->count)
		return;
	name_reasons(d);
	name_places(d);
}
