/* What a flight recorder keeps: see flight.h. */
#include "tracer/flight.h"

#include <stdlib.h>

#include "lib/err.h"
#include "tracer/model.h"
#include "tracer/wire_order.h"

#define WINDOW      4096
#define CONNECTIONS 16384
#define HOLD_NS     200000000u /* records may come later than others by that */
#define EVERY_NS    100000000u /* so often are they looked at */
#define MARGIN_NS   500000000u /* is kept before and after: late events, clock samples */
#define IDLE_NS     1000000000u

struct flight {
	const struct filter *filter;
	enum protocol protocol;
	struct recording_writer *recording;
	struct wire_order *wires;
	struct exchanges *exchanges;
	struct request request; /* to be judged */
	uint64_t now_ns, looked_ns;
	uint64_t newest_ns, newest_at_ns; /* the latest record: its time, and when it came */
	uint64_t idle_at_ns;
};

static void found(void *ctx, const struct http_request *h)
{
	struct flight *f = ctx;
	uint64_t took = h->answered ? h->reply_last_ns - h->request_first_ns : 0;

	f->request.http = *h;
	/* rounded, so that many at a time are mostly one */
	if (filter_request(f->filter, NULL, &f->request))
		recording_keep(f->recording,
			       f->now_ns > took + MARGIN_NS ? f->now_ns - took - MARGIN_NS : 0,
			       (f->now_ns + MARGIN_NS) / EVERY_NS * EVERY_NS + EVERY_NS);
}

static int ordered(void *ctx, const struct strata_wire *w)
{
	struct flight *f = ctx;

	if (w->event.time_ns > f->idle_at_ns) {
		exchanges_idle(f->exchanges, w->event.time_ns);
		f->idle_at_ns = w->event.time_ns + IDLE_NS;
	}
	return exchanges_feed(f->exchanges, f->protocol, w);
}

struct flight *flight_create(const struct filter *filter, enum protocol protocol,
			     struct recording_writer *w)
{
	struct flight *f = calloc(1, sizeof(*f));

	if (!f) {
		err_set("out of memory for a flight recorder");
		return NULL;
	}
	f->filter = filter;
	f->protocol = protocol;
	f->recording = w;
	f->wires = wire_order_create(WINDOW, ordered, f);
	f->exchanges = exchanges_create(found, f, CONNECTIONS);
	if (f->wires && f->exchanges)
		return f;
	flight_destroy(f);
	return NULL;
}

void flight_destroy(struct flight *f)
{
	if (!f)
		return;
	wire_order_destroy(f->wires);
	exchanges_destroy(f->exchanges);
	free(f);
}

int flight_wire(struct flight *f, const struct strata_wire *w)
{
	if (w->event.time_ns > f->newest_ns) {
		f->newest_ns = w->event.time_ns;
		f->newest_at_ns = f->now_ns;
	}
	return wire_order_add(f->wires, w);
}

int flight_until(struct flight *f, uint64_t now_ns)
{
	uint64_t there;

	f->now_ns = now_ns;
	if (now_ns < f->looked_ns + EVERY_NS)
		return 0;
	f->looked_ns = now_ns;
	there = f->newest_ns + (now_ns - f->newest_at_ns); /* now, by the records' clock */
	return f->newest_ns && there > HOLD_NS ? wire_order_until(f->wires, there - HOLD_NS)
					       : 0;
}
