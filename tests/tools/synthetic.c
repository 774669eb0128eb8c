/*
 * Write a synthetic recording (tracer/synthetic.h), for tests of whatever reads one:
 *
 *   synthetic FILE [NAME=VALUE...]
 *
 * Names are those of struct synthetic_options; place is vm, container or bare, delay_hop a
 * hop's name. Prints how many requests it holds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "tracer/synthetic.h"

enum kind { NUMBER, LONG, FLAG, PLACE, HOP };

#define OPTION(name, kind)                                            \
	{                                                             \
#name, kind, offsetof(struct synthetic_options, name) \
	}

static const struct {
	const char *name;
	enum kind kind;
	size_t offset;
} options[] = {
	OPTION(seed, LONG),
	OPTION(place, PLACE),
	OPTION(requests, NUMBER),
	OPTION(connections, NUMBER),
	OPTION(per_connection, NUMBER),
	OPTION(pipeline, NUMBER),
	OPTION(reply_bytes, NUMBER),
	OPTION(segment_bytes, NUMBER),
	OPTION(merge, FLAG),
	OPTION(chunked, FLAG),
	OPTION(ipv6, FLAG),
	OPTION(remote_client, FLAG),
	OPTION(wrap, FLAG),
	OPTION(lose_permille, NUMBER),
	OPTION(retransmit_permille, NUMBER),
	OPTION(duplicate_permille, NUMBER),
	OPTION(poll_permille, NUMBER),
	OPTION(guest_offset_ns, LONG),
	OPTION(misalign_ns, LONG),
	OPTION(delay_hop, HOP),
	OPTION(delay_ns, LONG),
	OPTION(vitals, FLAG),
};

static int set(struct synthetic_options *o, size_t which, const char *value)
{
	void *field = (char *)o + options[which].offset;
	char *end = "";

	switch (options[which].kind) {
	case NUMBER:
		*(unsigned int *)field = (unsigned int)strtoul(value, &end, 10);
		break;
	case LONG:
		*(int64_t *)field = strtoll(value, &end, 10);
		break;
	case FLAG:
		*(bool *)field = strtoul(value, &end, 10);
		break;
	case PLACE:
		*(enum strata_place *)field = place_by_name(value);
		return place_by_name(value) ? 0 : err_set("there is no place \"%s\"", value);
	case HOP:
		*(enum strata_hop *)field = (enum strata_hop)hop_by_name(value);
		return hop_by_name(value) >= 0 ? 0 : err_set("there is no hop \"%s\"", value);
	}
	return *value && !*end ? 0 : err_set("\"%s\" is no number", value);
}

static int parse(struct synthetic_options *o, const char *text)
{
	const char *value = strchr(text, '=');

	for (size_t i = 0; value && i < sizeof(options) / sizeof(options[0]); i++)
		if (strlen(options[i].name) == (size_t)(value - text) &&
		    !strncmp(options[i].name, text, (size_t)(value - text)))
			return set(o, i, value + 1);
	return err_set("\"%s\" is no option", text);
}

int main(int argc, char **argv)
{
	struct synthetic_options o = {.seed = 1,
				      .place = PLACE_VIRTIO,
				      .requests = 300,
				      .connections = 4,
				      .per_connection = 10,
				      .reply_bytes = 615};

	if (argc < 2) {
		fputs("usage: synthetic FILE [NAME=VALUE...]\n", stderr);
		return EXIT_USAGE;
	}
	for (int i = 2; i < argc; i++) {
		if (parse(&o, argv[i])) {
			err_print("synthetic");
			return EXIT_USAGE;
		}
	}
	if (synthetic_create(argv[1], &o, NULL, NULL)) {
		err_print("synthetic");
		return EXIT_FAILED;
	}
	printf("%u\n", o.requests);
	return EXIT_OK;
}
