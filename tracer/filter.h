/*
 * Which requests are wanted: one description for the command line, the TUI and whoever else
 * asks. Connections are chosen by a pcap expression and a sample, in the kernel while tracing
 * and again when reading; requests by how they went, when reading.
 *
 * A pcap expression is judged once for a connection, not for each of its packets: all hops of
 * a connection must agree, and some of them have no packet. It is true of a connection if it is
 * true of its packets in one direction or the other. So it may ask for addresses, ports and
 * protocols (IPv4, IPv6, TCP) and for nothing else; anything else is refused with a sentence.
 *
 * Threading: a filter that is not being changed may be used by many threads.
 */
#ifndef STRATA_TRACER_FILTER_H
#define STRATA_TRACER_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/flow_filter.h"

struct model;
struct request;

#define FILTER_STATUSES_MAX   8
#define FILTER_EXPRESSION_MAX 512
#define FILTER_TEXT_MAX       1024

struct filter {
	uint32_t sample; /* one connection in so many; 0: all */
	uint64_t slower_than_ns;
	struct {
		uint16_t from, to;
	} status[FILTER_STATUSES_MAX]; /* any of these */
	unsigned int status_count;
	char path[128];                         /* a pattern as in sh(1); "" any */
	char vm[48];                            /* its name or number; "" any */
	char expression[FILTER_EXPRESSION_MAX]; /* pcap's; "" any */
	struct flow_filter flows;               /* what that expression became */
};

/*
 * All of it in one text (tracer/filter_text.c): a pcap expression in which options may stand
 * between "and"s, as in "port 80 and --slower-than 5ms and --status 5xx"; an option's value may
 * be in quotes. What the text does not name is left as it was. -1 with a sentence; the filter
 * is unchanged then.
 */
int filter_parse(struct filter *f, const char *text);

/* One option by its name without dashes: "filter" (a pcap expression), "slower-than",
 * "status", "path", "vm", "sample". -1 with a sentence. */
int filter_set(struct filter *f, const char *name, const char *value);

/* The same as a row of a command line's options takes it (lib/options.h). */
int filter_take(void *filter, const char *name, char *value);

/* Is that the name of such an option? */
bool filter_knows(const char *name);

/* Does it ask how requests went, rather than of their connections alone? */
bool filter_asks_requests(const struct filter *f);

/* It lets everything through. */
bool filter_is_empty(const struct filter *f);

/* As filter_parse() would read it; "" if empty. FILTER_TEXT_MAX bytes are enough. */
void filter_text(const struct filter *f, char *to, size_t size);

/* Would its connection be looked at at all? Addresses: IPv4 as v4-mapped IPv6. */
bool filter_flow(const struct filter *f, const uint8_t client[16], const uint8_t server[16],
		 uint16_t client_port, uint16_t server_port);

/* Is that request, of which all is known, wanted? One that was never answered has no status
 * and took no time that could be told. */
bool filter_request(const struct filter *f, const struct model *m, const struct request *r);

/* tracer/filter_pcap.c: compile an expression. -1 with a sentence. */
int filter_compile(struct flow_filter *out, const char *expression);

#endif
