lib_SRCS := $(wildcard lib/*.c)
$(eval $(call archive,libstrata.a,$(lib_SRCS)))
