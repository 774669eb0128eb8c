# The same server in several modes, side by side.
compare_SRCS     := $(filter-out scenarios/compare/main.c,$(wildcard scenarios/compare/*.c))
compare_ARCHIVES := $(addprefix $(B)/,libcompare.a liblab.a libsession.a libtracer.a libprobes.a) $(LIB)
compare_LIBS     := -ljansson -lzstd -lpcap -lbpf -lelf -lz -lm

$(eval $(call archive,libcompare.a,$(compare_SRCS)))
$(eval $(call program,strata-compare,scenarios/compare/main.c,$(compare_ARCHIVES),$(compare_LIBS)))
$(eval $(call unit_test,test_compare,tests/unit/compare/test_compare.c,$(compare_ARCHIVES),$(compare_LIBS)))
