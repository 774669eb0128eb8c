/* The place where the filter's instructions go, and what stands there without any. */
#include "probes/bpf/flow.h"
#include "probes/filter.h"

#define TEXT_OF(x) #x
#define TEXT(x)    TEXT_OF(x)
#define STUB       ".rept " TEXT(FILTER_ROOM) "\nr0 = " TEXT(FILTER_MARK) "\n.endr\n"

/* The compiler has nothing to do before and after: p comes in r1, what r0 holds is returned. */
int flow_filter(const struct flow_packet *p)
{
	int matches;

	asm volatile(STUB : "=r"(matches) : "r"(p) : "r2", "r3", "r4", "r5");
	return matches;
}
