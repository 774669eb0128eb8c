# The testbed machine: strata-testbed, and the kernel, initrd and modules it boots.

testbed_DIR   := scenarios/testbed
TESTBED_IMAGE := $(B)/testbed/stamp

$(eval $(call program,strata-testbed,$(wildcard $(testbed_DIR)/*.c),$(LIB)))

$(TESTBED_IMAGE): $(B)/kernel/release $(testbed_DIR)/build-image $(testbed_DIR)/init scenarios/guest/pick-modules
	$(Q)$(testbed_DIR)/build-image $(B)
	@touch $@

testbed-image: $(TESTBED_IMAGE)

.PHONY: testbed-image
