# What virtualization costs: make bench.
suite_SRCS     := $(filter-out bench/suite/main.c,$(wildcard bench/suite/*.c)) $(filter-out bench/peers/main.c,$(wildcard bench/peers/*.c)) \
	$(foreach d,micro measure net block machine guest,$(wildcard bench/$(d)/*.c))
suite_BLOB     := $(B)/bench/micro/blob.o
suite_ARCHIVES := $(addprefix $(B)/,libbench.a libdoctor.a) $(LIB)
suite_LIBS     := -ljansson -lbpf -lelf -lz -lm
BENCH_OPTIONS  ?= --quick

$(eval $(call archive,libbench.a,$(suite_SRCS) $(suite_BLOB)))
$(eval $(call program,strata-bench,bench/suite/main.c,$(suite_ARCHIVES),$(suite_LIBS)))

bench: deps
	@$(MAKE) --no-print-directory -j2 all guest-image guest-tools testbed-image
	./strata bench $(BENCH_OPTIONS)

.PHONY: bench

$(eval $(call unit_test,test_bench_judge,tests/unit/bench/test_judge.c,$(B)/libbench.a $(LIB),-ljansson -lm))
$(eval $(call unit_test,test_bench_settings,tests/unit/bench/test_settings.c,$(B)/libbench.a $(LIB),-ljansson))
$(eval $(call unit_test,test_bench_monitor,tests/unit/bench/test_monitor.c,$(suite_ARCHIVES),$(suite_LIBS)))
$(eval $(call unit_test,test_bench_session,tests/unit/bench/test_session.c,$(suite_ARCHIVES),$(suite_LIBS)))
$(eval $(call fuzzer,fuzz_bench_document,tests/fuzz/fuzz_bench_document.c bench/suite/results.c lib/err.c,-ljansson))
