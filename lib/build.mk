lib_SRCS := $(wildcard lib/*.c)
$(eval $(call archive,libstrata.a,$(lib_SRCS)))

lib_TESTS := ring ring_stream clock event_pack exits option_table quantile recording statistics table units
$(foreach t,$(lib_TESTS),$(eval $(call unit_test,test_$(t),tests/unit/lib/test_$(t).c,$(LIB),-ljansson -lzstd -lz -lm)))
$(eval $(call fuzzer,fuzz_ring,tests/fuzz/fuzz_ring.c lib/ring.c lib/err.c,))
$(eval $(call fuzzer,fuzz_event_pack,tests/fuzz/fuzz_event_pack.c lib/event_pack.c,))
$(eval $(call fuzzer,fuzz_ring_stream,tests/fuzz/fuzz_ring_stream.c lib/ring_stream.c lib/ring.c lib/err.c,))
