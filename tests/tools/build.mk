# Programs that tests run against.
TEST_TOOLS := $(addprefix $(B)/tests/tools/,replies probes_dump agent_consumer ring_events synthetic)

$(B)/tests/tools/replies: $(call objs,tests/tools/replies.c)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^

$(B)/tests/tools/probes_dump: $(call objs,tests/tools/probes_dump.c) $(B)/libprobes.a $(LIB)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(probes_LIBS)

$(B)/tests/tools/agent_consumer: $(call objs,tests/tools/agent_consumer.c) $(LIB)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^

$(B)/tests/tools/ring_events: $(call objs,tests/tools/ring_events.c) $(LIB)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^

$(B)/tests/tools/synthetic: $(call objs,tests/tools/synthetic.c) $(B)/libtracer.a $(LIB)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(tracer_PURE_LIBS)
