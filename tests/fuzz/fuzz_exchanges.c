/* Fuzz requests of any protocol on the wire. Input: protocol 1, then records, see
 * wire_record.h. */
#include "tests/fuzz/wire_record.h"
#include "tracer/exchanges.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum protocol protocol =
		size ? (enum protocol)(data[0] % PROTOCOL_COUNT) : PROTOCOL_AUTO;
	struct wire_bytes bytes = {data + !!size, size - !!size, EVENT_FIN | EVENT_PLAIN, 1000};
	uint64_t handed_out = 0;
	struct exchanges *x = exchanges_create(wire_record_found, &handed_out, 3);
	struct strata_wire w;

	if (!x)
		return 0;
	while (wire_record_take(&bytes, &w) && !exchanges_feed(x, protocol, &w))
		exchanges_idle(x, bytes.now_ns);
	exchanges_finish(x);
	if (exchanges_stats(x).requests != handed_out)
		abort();
	exchanges_destroy(x);
	return 0;
}
