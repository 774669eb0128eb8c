# The testbed machine: strata-testbed, the kernel, initrd and modules it boots, and the QEMU that runs it.

testbed_DIR   := scenarios/testbed
TESTBED_IMAGE := $(B)/testbed/stamp
TESTBED_QEMU  := $(B)/qemu/stamp

$(eval $(call program,strata-testbed,$(wildcard $(testbed_DIR)/*.c),$(LIB)))

$(TESTBED_IMAGE): $(B)/kernel/release $(testbed_DIR)/build-image $(testbed_DIR)/init scenarios/guest/pick-modules
	$(Q)$(testbed_DIR)/build-image $(B)
	@touch $@

$(TESTBED_QEMU): $(testbed_DIR)/fetch-qemu
	$(Q)$(testbed_DIR)/fetch-qemu $(B)
	@touch $@

testbed-image: $(TESTBED_IMAGE) $(TESTBED_QEMU)

.PHONY: testbed-image
