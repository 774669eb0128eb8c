# What tracing costs: make bench-tracer.
cost_SRCS    := $(wildcard bench/cost/*.c)
cost_STORM   := $(B)/bench/cost/storm.skel.h
COST_OPTIONS ?=

$(B)/bench/cost/%.bpf.o: bench/cost/%.bpf.c
	@mkdir -p $(@D)
	$(call say,BPF,$<)
	$(Q)$(BPF_CLANG) $(probes_BPF_FLAGS) -c -o $@ $<

$(cost_STORM): $(B)/bench/cost/storm.bpf.o
	$(Q)$(BPFTOOL) gen skeleton $< name storm_bpf >$@

$(B)/bench/cost/storm.o: $(cost_STORM)

$(eval $(call program,strata-cost,$(filter-out %.bpf.c,$(cost_SRCS)),$(B)/libtracer.a $(LIB),$(tracer_PURE_LIBS) -lbpf -lelf -lz -lm))

bench-tracer: deps
	@$(MAKE) --no-print-directory -j2 all guest-image
	./strata cost $(COST_OPTIONS)

.PHONY: bench-tracer
