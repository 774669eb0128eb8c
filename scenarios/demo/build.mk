# The demonstration: known delays, agreement with the client, report.
demo_ARCHIVES := $(addprefix $(B)/,liblab.a libsession.a libtracer.a libprobes.a) $(LIB)

$(eval $(call program,strata-demo,$(wildcard scenarios/demo/*.c),$(demo_ARCHIVES),-ljansson -lzstd -lpcap -lbpf -lelf -lz -lm))
