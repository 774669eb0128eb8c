# The tracer. Its pure half, from a recording to the printed result, needs no kernel and no
# libbpf: views (tui, reports), tests and fuzzers link libtracer.a alone.
tracer_OWN  := $(addprefix tracer/,main.c options.c explain_main.c)
tracer_LIVE := $(addprefix tracer/,capture.c channel.c process.c rivals.c session.c session_ask.c session_collect.c session_meta.c source.c vitals.c watch.c $(notdir $(wildcard tracer/topology*.c)))
tracer_PURE := $(filter-out $(tracer_OWN) $(tracer_LIVE),$(wildcard tracer/*.c))
tracer_PURE_LIBS := -ljansson -lzstd -lz -lpcap

$(eval $(call archive,libtracer.a,$(tracer_PURE)))

# Its live half: sessions over a topology, for whoever traces.
TRACER_ARCHIVES := $(B)/libsession.a $(B)/libtracer.a $(B)/libprobes.a $(LIB)
TRACER_LIBS := $(tracer_PURE_LIBS) -lbpf -lelf -lz -lm

$(eval $(call archive,libsession.a,$(tracer_LIVE)))
$(eval $(call program,strata-trace,tracer/main.c tracer/options.c,$(TRACER_ARCHIVES),$(TRACER_LIBS)))

$(eval $(call program,strata-explain,tracer/explain_main.c,$(B)/libtracer.a $(LIB),$(tracer_PURE_LIBS) -lm))

tracer_TESTS := analyse attribution cause contexts drops exchanges explain filter frame http join messages parents print reorder tree vm_vitals
$(foreach t,$(tracer_TESTS),$(eval $(call unit_test,test_$(t),tests/unit/tracer/test_$(t).c,$(B)/libtracer.a $(LIB),$(tracer_PURE_LIBS) -lm)))

$(eval $(call fuzzer,fuzz_exchanges,tests/fuzz/fuzz_exchanges.c tracer/exchanges.c tracer/ping_pong.c tracer/http.c tracer/http_stream.c tracer/lru.c tracer/traceparent.c lib/err.c lib/hop.c))
$(eval $(call fuzzer,fuzz_http,tests/fuzz/fuzz_http.c tracer/http.c tracer/http_stream.c tracer/lru.c tracer/traceparent.c lib/err.c lib/hop.c))
$(eval $(call fuzzer,fuzz_segment,tests/fuzz/fuzz_segment.c lib/frame.c))
$(eval $(call fuzzer,fuzz_filter,tests/fuzz/fuzz_filter.c tests/fuzz/no_names.c $(tracer_PURE) $(wildcard lib/*.c),$(tracer_PURE_LIBS) -lm))
$(eval $(call fuzzer,fuzz_recording,tests/fuzz/fuzz_recording.c $(tracer_PURE) $(wildcard lib/*.c),$(tracer_PURE_LIBS) -lm))
$(eval $(call unit_test,test_source,tests/unit/tracer/test_source.c,$(B)/libsession.a $(B)/libtracer.a $(LIB),$(tracer_PURE_LIBS)))
$(eval $(call unit_test,test_topology,tests/unit/tracer/test_topology.c,$(B)/libsession.a $(B)/libtracer.a $(LIB),$(tracer_PURE_LIBS)))
