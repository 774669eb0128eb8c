/* Dropped packets' reasons and places for a recording's META: see drops.h. */
#include "probes/drops.h"

json_t *drops_meta(const struct drops *d)
{
	json_t *list = json_array();

	for (size_t i = 0; i < d->count; i++) {
		const struct probe_drop *drop = &d->at[i];

		json_array_append_new(list,
				      json_pack("{s:I,s:s,s:I,s:s}", "reason",
						(json_int_t)drop->reason, "name", drop->name,
						"place", (json_int_t)(drop->place & 0xffffffff),
						"symbol", drop->symbol));
	}
	return list;
}
