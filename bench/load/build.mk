# The HTTP client that times each of its requests.
load_SRCS := $(filter-out bench/load/main.c,$(wildcard bench/load/*.c))
load_LIBS := -ljansson -lcrypto

$(eval $(call archive,libload.a,$(load_SRCS)))
$(eval $(call program,strata-load,bench/load/main.c,$(B)/libload.a $(LIB),$(load_LIBS)))
$(eval $(call unit_test,test_reply,tests/unit/load/test_reply.c,$(B)/libload.a $(LIB),$(load_LIBS)))
$(eval $(call fuzzer,fuzz_reply,tests/fuzz/fuzz_reply.c bench/load/reply.c,))
$(eval $(call unit_test,test_load_options,tests/unit/load/test_load_options.c,$(B)/libload.a $(LIB),$(load_LIBS)))
