/*
 * A storm of events, as many as are asked for at once, into the rings of a tracer that runs:
 * what a container's requests look like, one hop after the other on 16 connections.
 */
#include "probes/bpf/maps.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile struct bpf_config config = {};

#define HOPS        16
#define CONNECTIONS 16
#define BYTES       78 /* of a request, and of a reply */

/* Set by user space from the table of hops. */
const volatile __u16 storm_hops[HOPS] = {};

__u64 storm_emitted;

static long one(__u32 i, void *unused)
{
	__u32 n = storm_emitted++, request = n / HOPS;
	struct segment s = {
		.flow = flow_mix(1, request % CONNECTIONS),
		.packet = 0xffff888000000000ULL + (__u64)(request * 2654435761u >> 8 << 10),
		.seq = request / CONNECTIONS * BYTES,
		.len = BYTES,
		.client_port = 32768 + request % CONNECTIONS,
		.server_port = 9,
	};

	emit(storm_hops[n % HOPS], bpf_ktime_get_ns(), &s, (struct place){.device = 1});
	return 0;
}

SEC("raw_tp")
int storm(__u64 *ctx)
{
	bpf_loop(ctx[0], one, NULL, 0);
	return 0;
}
