/* The rows of the list: see rows.h. */
#include "tui/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/err.h"
#include "tracer/summary.h"

static const char *const column_names[COLUMNS_COUNT] = {
	[COLUMN_TIME] = "time",     [COLUMN_CLIENT] = "client", [COLUMN_PATH] = "path",
	[COLUMN_STATUS] = "status", [COLUMN_TOTAL] = "total",   [COLUMN_WORST] = "worst",
};

const char *column_name(enum column c)
{
	return column_names[c];
}

int column_by_name(const char *name)
{
	for (int i = 0; i < COLUMNS_COUNT; i++)
		if (!strcmp(column_names[i], name))
			return i;
	return -1;
}

uint64_t request_began_ns(const struct request *r)
{
	return r->measured ? r->hops[r->first].time_ns : r->http.request_first_ns;
}

bool request_worst(const struct request *r, enum strata_layer *layer, uint64_t *ns)
{
	*ns = 0;
	*layer = LAYER_EXTERNAL;
	for (int i = 0; i < LAYER_COUNT; i++) {
		uint64_t sum =
			r->layer_ns[i][DIRECTION_REQUEST] + r->layer_ns[i][DIRECTION_REPLY];

		if (sum <= *ns)
			continue;
		*ns = sum;
		*layer = (enum strata_layer)i;
	}
	return r->measured && *ns;
}

/* ---- which ---- */

static bool contains(const struct request *r, const char *search)
{
	char text[HTTP_METHOD_MAX + HTTP_PATH_MAX + 96];

	snprintf(text, sizeof(text), "%s %s %u %s", r->http.method, r->http.path,
		 r->http.answered ? r->http.status : 0u,
		 summary_address(r->http.client_addr, r->http.client_port).s);
	return strcasestr(text, search) != NULL;
}

static bool in_bucket(const struct model *m, const struct request *r, const struct bucket *b)
{
	uint64_t ns;

	return measure_of(m, r, &b->what, &ns) && ns >= b->from_ns && ns < b->to_ns;
}

static bool wanted(const struct model *m, const struct request *r, const struct row_choice *c)
{
	return (!c->search[0] || contains(r, c->search)) &&
	       (!c->bucket.set || in_bucket(m, r, &c->bucket)) &&
	       filter_request(&c->filter, m, r);
}

/* ---- in what order ---- */

struct sorting {
	const struct model *m;
	enum column by;
};

static int order(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int by_column(const struct request *a, const struct request *b, enum column by)
{
	enum strata_layer la, lb;
	uint64_t na, nb;

	switch (by) {
	case COLUMN_CLIENT: {
		int c = memcmp(a->http.client_addr, b->http.client_addr, 16);

		return c ? c : order(a->http.client_port, b->http.client_port);
	}
	case COLUMN_PATH:
		return strcmp(a->http.path, b->http.path);
	case COLUMN_STATUS:
		return order(a->http.answered ? a->http.status : 0,
			     b->http.answered ? b->http.status : 0);
	case COLUMN_TOTAL:
		return order(a->measured ? a->end_to_end_ns : 0,
			     b->measured ? b->end_to_end_ns : 0);
	case COLUMN_WORST:
		request_worst(a, &la, &na);
		request_worst(b, &lb, &nb);
		return la != lb ? order(la, lb) : order(na, nb);
	default:
		return order(request_began_ns(a), request_began_ns(b));
	}
}

static int compare_rows(const void *x, const void *y, void *ctx)
{
	const struct sorting *s = ctx;
	const struct request *a = &s->m->requests[*(const uint32_t *)x];
	const struct request *b = &s->m->requests[*(const uint32_t *)y];
	int c = by_column(a, b, s->by);

	return c ? c : order(a->number, b->number);
}

static void reverse(struct rows *rows)
{
	for (size_t i = 0; i < rows->count / 2; i++) {
		uint32_t swap = rows->at[i];

		rows->at[i] = rows->at[rows->count - 1 - i];
		rows->at[rows->count - 1 - i] = swap;
	}
}

int rows_build(struct rows *rows, const struct model *m, const struct row_choice *choice)
{
	struct sorting sorting = {.m = m, .by = choice->sort};

	if (rows->capacity < m->request_count) {
		uint32_t *at = realloc(rows->at, m->request_capacity * sizeof(*at));

		if (!at)
			return err_set("out of memory for a list of %zu requests",
				       m->request_capacity);
		rows->at = at;
		rows->capacity = m->request_capacity;
	}
	rows->count = 0;
	for (size_t i = 0; i < m->request_count; i++)
		if (wanted(m, &m->requests[i], choice))
			rows->at[rows->count++] = (uint32_t)i;
	if (rows->count)
		qsort_r(rows->at, rows->count, sizeof(*rows->at), compare_rows, &sorting);
	if (choice->descending)
		reverse(rows);
	return 0;
}

void rows_free(struct rows *rows)
{
	free(rows->at);
	*rows = (struct rows){0};
}

size_t rows_find(const struct rows *rows, const struct model *m, uint64_t number)
{
	for (size_t i = 0; i < rows->count; i++)
		if (m->requests[rows->at[i]].number == number)
			return i;
	return SIZE_MAX;
}
