# Settings of virtual machines that run.
remedies_SRCS := $(filter-out scenarios/remedies/main.c,$(wildcard scenarios/remedies/*.c))

$(eval $(call archive,libremedies.a,$(remedies_SRCS)))
$(eval $(call program,strata-vm,scenarios/remedies/main.c,$(B)/libremedies.a $(LIB),-ljansson))
$(eval $(call unit_test,test_remedies,tests/unit/remedies/test_remedies.c,$(B)/libremedies.a $(LIB),-ljansson))
$(eval $(call unit_test,test_remedy_values,tests/unit/remedies/test_remedy_values.c,$(B)/libremedies.a $(LIB),-ljansson))
$(eval $(call fuzzer,fuzz_remedy_values,tests/fuzz/fuzz_remedy_values.c scenarios/remedies/value.c lib/units.c lib/err.c,))
