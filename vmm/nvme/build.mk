# Unit tests and a fuzzer of the NVMe controller, on a disk in memory and a KVM that only remembers.
nvme_GUEST := $(addprefix tests/unit/vmm/,nvme_guest.c fake_disk.c fake_kvm.c)
nvme_test = $(call unit_test,$(1),tests/unit/vmm/$(1).c $(nvme_GUEST),$(B)/libvmm.a $(LIB),$(vmm_LIBS))

$(eval $(call nvme_test,test_nvme))
$(eval $(call nvme_test,test_nvme_io))
$(eval $(call nvme_test,test_nvme_queues))
$(eval $(call nvme_test,test_nvme_doorbells))
$(eval $(call nvme_test,test_nvme_interrupts))

nvme_SOURCES := $(wildcard vmm/nvme/*.c) vmm/memory.c vmm/loop.c vmm/coalesce.c vmm/arguments.c

$(eval $(call fuzzer,fuzz_nvme,tests/fuzz/fuzz_nvme.c $(nvme_SOURCES) $(nvme_GUEST) $(filter-out %fake_kvm.c,$(vmm_PCI)),-ljansson))
