# The interface on the terminal. All that needs no terminal is an archive, for tests and fuzzers.
tui_OWN      := $(addprefix tui/,main.c options.c session.c screen.c plain_loop.c paint.c feed.c trace_child.c bench_file.c)
tui_PURE     := $(filter-out $(tui_OWN),$(wildcard tui/*.c))
tui_ARCHIVES := $(B)/libtui.a $(B)/libtracer.a $(LIB)
tui_LIBS     := $(tracer_PURE_LIBS) -lm

$(eval $(call archive,libtui.a,$(tui_PURE)))
$(eval $(call program,strata-tui,$(tui_OWN),$(tui_ARCHIVES),$(tui_LIBS) -lncursesw -ltinfo))

# Real recordings, for "strata tui --sample"; docs/tui.md says how they were made.
tui_SAMPLES := $(addprefix $(B)/tui/,sample.strata sample-emulated.strata sample-vhost.strata sample-passthrough.strata)
$(B)/tui/%.strata: tui/%.strata
	@mkdir -p $(@D)
	$(Q)cp $< $@
$(B)/bin/strata-tui: | $(tui_SAMPLES)

tui_TESTS := screens ui
$(foreach t,$(tui_TESTS),$(eval $(call unit_test,test_$(t),tests/unit/tui/test_$(t).c,$(tui_ARCHIVES),$(tui_LIBS))))

$(eval $(call fuzzer,fuzz_tui_keys,tests/fuzz/fuzz_tui_keys.c tests/fuzz/no_names.c $(tui_PURE) $(tracer_PURE) $(wildcard lib/*.c),$(tracer_PURE_LIBS) -lm))
$(eval $(call fuzzer,fuzz_tui_bindings,tests/fuzz/fuzz_tui_bindings.c tui/keys.c tui/cells.c lib/err.c lib/units.c,-lm))
$(eval $(call fuzzer,fuzz_tui_bench,tests/fuzz/fuzz_tui_bench.c tests/fuzz/no_names.c $(tui_PURE) $(tracer_PURE) $(wildcard lib/*.c),$(tracer_PURE_LIBS) -lm))
