# What tracing costs: make bench-tracer.
cost_SRCS    := $(wildcard bench/cost/*.c)
cost_SKEL    := $(patsubst %.bpf.c,$(B)/%.skel.h,$(wildcard bench/cost/*.bpf.c))
COST_OPTIONS ?=

$(B)/bench/cost/%.bpf.o: bench/cost/%.bpf.c
	@mkdir -p $(@D)
	$(call say,BPF,$<)
	$(Q)$(BPF_CLANG) $(probes_BPF_FLAGS) -c -o $@ $<

$(B)/bench/cost/%.skel.h: $(B)/bench/cost/%.bpf.o
	$(Q)$(BPFTOOL) gen skeleton $< name $*_bpf >$@

$(B)/bench/cost/storm.o $(B)/bench/cost/observer.o: $(cost_SKEL)

$(eval $(call program,strata-cost,$(filter-out %.bpf.c,$(cost_SRCS)),$(B)/libtracer.a $(LIB),$(tracer_PURE_LIBS) -lbpf -lelf -lz -lm))

bench-tracer: deps
	@$(MAKE) --no-print-directory -j2 all guest-image
	./strata cost $(COST_OPTIONS)

.PHONY: bench-tracer
