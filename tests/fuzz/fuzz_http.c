/* Fuzz the search for HTTP requests on the wire. Input: records, see wire_record.h. */
#include "tests/fuzz/wire_record.h"
#include "tracer/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_bytes bytes = {data, size, EVENT_FIN, 1000};
	uint64_t handed_out = 0;
	struct http *h = http_create(wire_record_found, &handed_out, 3);
	struct strata_wire w;

	if (!h)
		return 0;
	while (wire_record_take(&bytes, &w) && !http_feed(h, &w))
		http_idle(h, bytes.now_ns);
	http_finish(h);
	if (http_stats(h).requests != handed_out)
		abort();
	http_destroy(h);
	return 0;
}
