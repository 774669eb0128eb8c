/* The place where the filter's instructions go, and what stands there without any. */
#include "probes/bpf/flow.h"
#include "probes/filter.h"

#define TEXT_OF(x) #x
#define TEXT(x)    TEXT_OF(x)

__attribute__((naked)) int flow_filter(const struct flow_packet *p)
{
	asm volatile(".rept " TEXT(FILTER_ROOM) "\n"
						"r0 = " TEXT(FILTER_MARK) "\n"
									  ".endr\n"
									  "exit\n");
}
