/*
 * The VMM's own observations: a hop event for each TCP segment it carries, into a
 * shared-memory ring (lib/ring.h, the file of --trace-ring), and a USDT probe at the
 * same place for everyone else's tools.
 *
 * While nobody listens the cost is one relaxed load and one nop per frame. The VMM
 * knows nothing of who listens: the consumer writes which server ports it wants into
 * the ring's request ({"ports":[80]}), and each lane reads that once per generation
 * of "wanted". Events leave domain, vm and device 0: the consumer knows the topology.
 * arg64 is the descriptor index (the chain's head), arg32 the frame's length.
 *
 * USDT, provider strata_vmm: rx_read, rx_publish, tx_pop, each with (queue, descriptor
 * index, frame bytes, pointer to the frame's first iovec, bytes of virtio header before it).
 *
 * Threading: a lane belongs to one thread. trace_lane() is called before threads run.
 */
#ifndef STRATA_VMM_TRACE_H
#define STRATA_VMM_TRACE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/sdt.h>
#include <sys/uio.h>

#include "lib/hop.h"
#include "lib/ring.h"

#define TRACE_LANES     16
#define TRACE_CAPACITY  16384 /* events per lane: 16 MiB in all, sparse until used */
#define TRACE_PORTS_MAX 16

/* What a lane's thread knows of the consumer's request. */
struct trace_lane {
	uint32_t generation; /* of "wanted", when the ports were read */
	unsigned int ports;
	uint16_t port[TRACE_PORTS_MAX];
};

struct trace {
	struct ring ring; /* header NULL: no ring was asked for */
	size_t bytes;
	int lanes;
	struct trace_lane lane[TRACE_LANES];
};

/* A frame in host memory, with the bytes (a virtio-net header) that stand before it. */
struct trace_frame {
	const struct iovec *iov;
	int iovcnt;
	size_t skip;
	size_t bytes; /* of the frame, without skip */
	uint16_t queue;
	uint16_t index; /* of the descriptor chain's head */
};

/* Create the ring in a new file at path; NULL turns tracing off. Fails with a sentence. */
int trace_open(struct trace *t, const char *path);
void trace_close(struct trace *t);

/* A lane for one more emitting thread; -1 if they are all taken (that thread is not traced). */
int trace_lane(struct trace *t);

/* From then to then a limit of the device's held a queue up (lib/offcpu.h, OFF_LIMITED). */
void trace_limited(struct trace *t, int lane, uint64_t from_ns, uint64_t to_ns);

/* Emit the event; use the three below. */
void trace_emit(struct trace *t, int lane, enum strata_hop hop, const struct trace_frame *f);

#define TRACE_POINT(name, id)                                                         \
	static inline void trace_##name(struct trace *t, int lane,                    \
					const struct trace_frame *f)                  \
	{                                                                             \
		DTRACE_PROBE5(strata_vmm, name, f->queue, f->index, f->bytes, f->iov, \
			      f->skip);                                               \
		if (__builtin_expect(ring_wanted(&t->ring), 0))                       \
			trace_emit(t, lane, id, f);                                   \
	}

TRACE_POINT(rx_read, HOP_VMM_RX_READ)
TRACE_POINT(rx_publish, HOP_VMM_RX_PUBLISH)
TRACE_POINT(tx_pop, HOP_VMM_TX_POP)

#undef TRACE_POINT

#endif
