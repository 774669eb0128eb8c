# The demonstration: laboratory, known delays, rounds of load, report.
demo_SRCS := $(wildcard scenarios/demo/*.c)

$(eval $(call program,strata-demo,$(demo_SRCS),$(B)/libsession.a $(B)/libtracer.a $(B)/libprobes.a $(LIB),-ljansson -lzstd -lbpf -lelf -lz -lm))
