# Unit tests and the fuzzer of the 82540EM, over a PCI bus that only remembers.
e1000_CARD := $(addprefix tests/unit/vmm/,card.c driver.c fake_pci.c)
e1000_test = $(call unit_test,$(1),tests/unit/vmm/$(1).c $(e1000_CARD),$(B)/libvmm.a $(LIB),$(vmm_LIBS))

$(eval $(call e1000_test,test_e1000))
$(eval $(call e1000_test,test_e1000_tx))
$(eval $(call e1000_test,test_e1000_rx))

e1000_SRCS := $(filter-out vmm/e1000/device.c,$(wildcard vmm/e1000/*.c)) vmm/net/tap.c vmm/net/link.c \
	vmm/virtio/iov.c vmm/limit.c vmm/bucket.c vmm/arguments.c vmm/memory.c vmm/loop.c vmm/trace.c vmm/frame.c lib/ring.c lib/err.c

$(eval $(call fuzzer,fuzz_e1000,tests/fuzz/fuzz_e1000.c $(e1000_CARD) $(e1000_SRCS),-ljansson))
