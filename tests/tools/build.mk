# Programs that tests run against.
TEST_TOOLS := $(B)/tests/tools/replies

$(B)/tests/tools/replies: $(call objs,tests/tools/replies.c)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^
