# The way from a virtual machine to the wire, made and removed.
net_SRCS := $(filter-out scenarios/net/main.c,$(wildcard scenarios/net/*.c))

$(eval $(call archive,libnet.a,$(net_SRCS)))
$(eval $(call program,strata-net,scenarios/net/main.c,$(B)/libnet.a $(LIB),-ljansson))
$(eval $(call unit_test,test_net_options,tests/unit/net/test_net_options.c,$(B)/libnet.a $(LIB),-ljansson))
