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

# Open vSwitch with its two datapaths, the kernel's and DPDK's, and the libraries that a machine with
# our packages may lack.
OVS_IMAGE    := $(B)/ovs/stamp
OVS_PACKAGES := openvswitch-switch openvswitch-common openvswitch-switch-dpdk \
	libbpf1 libcap-ng0 libevent-2.1-7 libnuma1 libunbound8 libxdp1 \
	$(patsubst %,librte-%23,bus-pci bus-vdev cryptodev dmadev eal ethdev hash kvargs mbuf mempool \
		mempool-ring meter net pci rcu ring telemetry vhost)

$(OVS_IMAGE): $(testbed_DIR)/unpack-debs
	$(Q)$(testbed_DIR)/unpack-debs $(B) ovs $(OVS_PACKAGES)
	@touch $@

ovs: $(OVS_IMAGE)

.PHONY: ovs
