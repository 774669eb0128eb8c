# What this machine can do for strata.
doctor_SRCS := $(filter-out scenarios/doctor/main.c,$(wildcard scenarios/doctor/*.c))
doctor_CODE := $(B)/scenarios/doctor/code.o
doctor_LIBS := -ljansson -lbpf -lelf -lz

$(eval $(call archive,libdoctor.a,$(doctor_SRCS) $(doctor_CODE)))
$(eval $(call program,strata-doctor,scenarios/doctor/main.c,$(B)/libdoctor.a $(LIB),$(doctor_LIBS)))
$(eval $(call unit_test,test_doctor,tests/unit/doctor/test_doctor.c,$(B)/libdoctor.a $(LIB),$(doctor_LIBS)))

$(doctor_CODE): scenarios/doctor/code.S
	@mkdir -p $(@D)
	$(CC) -c -o $@ $<
