# The interface on the terminal. All but the terminal itself is an archive, for tests and fuzzers.
tui_PURE     := $(filter-out tui/main.c tui/paint.c tui/feed.c tui/trace_child.c tui/options.c,$(wildcard tui/*.c))
tui_ARCHIVES := $(B)/libtui.a $(B)/libtracer.a $(LIB)
tui_LIBS     := $(tracer_PURE_LIBS) -lm

$(eval $(call archive,libtui.a,$(tui_PURE)))

tui_TESTS := screens
$(foreach t,$(tui_TESTS),$(eval $(call unit_test,test_$(t),tests/unit/tui/test_$(t).c,$(tui_ARCHIVES),$(tui_LIBS))))
