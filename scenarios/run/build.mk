# Scenarios: experiments written down in files, and what carries them out.
run_SRCS     := $(filter-out scenarios/run/main.c,$(wildcard scenarios/run/*.c))
run_ARCHIVES := $(addprefix $(B)/,librun.a liblab.a libremedies.a libsession.a libtracer.a libprobes.a) $(LIB)
run_LIBS     := -lyaml -ljansson -lzstd -lpcap -lbpf -lelf -lz -lm

$(eval $(call archive,librun.a,$(run_SRCS)))
$(eval $(call program,strata-run,scenarios/run/main.c,$(run_ARCHIVES),$(run_LIBS)))
$(eval $(call unit_test,test_scenario,tests/unit/run/test_scenario.c,$(run_ARCHIVES),$(run_LIBS)))
$(eval $(call unit_test,test_tally,tests/unit/run/test_tally.c,$(run_ARCHIVES),$(run_LIBS)))
$(eval $(call fuzzer,fuzz_scenario,tests/fuzz/fuzz_scenario.c $(addprefix scenarios/run/,read.c read_vms.c read_load.c yaml.c expect.c kinds.c) lib/err.c lib/units.c lib/hop.c,-lyaml))

# All scenario files, in the testbed where need be.
scenarios-quick: deps
	@$(MAKE) --no-print-directory -j2 all guest-image guest-tools testbed-image
	@scenarios/files/run-all

.PHONY: scenarios-quick
