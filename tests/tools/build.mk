# Programs that tests run against.
TEST_TOOLS := $(addprefix $(B)/tests/tools/,replies probes_dump agent_consumer ring_events synthetic disk_io ring_size limit_steps)

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

$(B)/tests/tools/disk_io: $(call objs,tests/tools/disk_io.c tests/tools/disk_random.c) $(B)/libvmm.a $(LIB)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(vmm_LIBS)

$(B)/tests/tools/ring_size: $(call objs,tests/tools/ring_size.c)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^

$(B)/tests/tools/limit_steps: $(call objs,tests/tools/limit_steps.c) $(B)/libvmm.a $(LIB)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(vmm_LIBS) -lm
