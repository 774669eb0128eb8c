# The guest: Debian's kernel and an initrd with nginx, busybox and the strata agent.

guest_DIR    := scenarios/guest
guest_AGENT  := $(B)/bin/strata-agent
GUEST_KERNEL := $(B)/kernel/release
GUEST_IMAGE  := $(B)/guest/stamp

$(GUEST_KERNEL): $(guest_DIR)/unpack-kernel $(guest_DIR)/fetch-debs
	$(Q)$(guest_DIR)/unpack-kernel $(B)/debs $(B)/kernel

$(GUEST_IMAGE): $(GUEST_KERNEL) $(guest_AGENT) $(addprefix $(guest_DIR)/,build-image fetch-debs pick-modules init nginx.conf)
	$(Q)$(guest_DIR)/build-image $(B) $(guest_AGENT)
	@touch $@

# Of its images the last that is made.
GUEST_TOOLS := $(B)/guest-tools/bench.img

# Static: the image it goes into has what nginx needs, no more.
GUEST_WORKER := $(B)/guest-worker

$(GUEST_WORKER): $(call objs,$(guest_DIR)/worker.c)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -static -s -o $@ $^

$(GUEST_TOOLS): $(GUEST_IMAGE) $(GUEST_WORKER) $(guest_DIR)/build-tools $(wildcard $(guest_DIR)/tools/*)
	$(Q)$(guest_DIR)/build-tools $(B)

guest-image: $(GUEST_IMAGE)
guest-tools: $(GUEST_TOOLS)

.PHONY: guest-image guest-tools
