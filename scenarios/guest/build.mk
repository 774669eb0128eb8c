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

GUEST_WORKER := $(B)/guest-worker

$(GUEST_WORKER): $(call objs,$(addprefix $(guest_DIR)/,worker.c worker_ask.c))
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS) -s -o $@ $^ -lpq

GUEST_DATABASE := $(B)/guest-database/srv/postgres/PG_VERSION

$(GUEST_DATABASE): $(addprefix $(guest_DIR)/,build-database fetch-debs)
	$(Q)$(guest_DIR)/build-database $(B)/debs $(B)/guest-database

$(GUEST_TOOLS): $(GUEST_IMAGE) $(GUEST_WORKER) $(GUEST_DATABASE) $(guest_DIR)/build-tools $(wildcard $(guest_DIR)/tools/*)
	$(Q)$(guest_DIR)/build-tools $(B)

guest-image: $(GUEST_IMAGE)
guest-tools: $(GUEST_TOOLS)

.PHONY: guest-image guest-tools
