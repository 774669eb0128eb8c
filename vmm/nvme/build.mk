# Unit tests and a fuzzer of the NVMe controller, on a disk in memory and a KVM that only remembers.
nvme_GUEST := $(addprefix tests/unit/vmm/,nvme_guest.c fake_disk.c fake_kvm.c)
nvme_CASE := $(nvme_GUEST) tests/unit/vmm/nvme_case.c
nvme_test = $(call unit_test,$(1),tests/unit/vmm/$(1).c $(2),$(B)/libvmm.a $(LIB),$(vmm_LIBS))

$(eval $(call nvme_test,test_nvme,$(nvme_GUEST)))
$(eval $(call nvme_test,test_nvme_io,$(nvme_CASE)))
$(eval $(call nvme_test,test_nvme_queues,$(nvme_CASE)))
$(eval $(call nvme_test,test_nvme_doorbells,$(nvme_CASE)))
$(eval $(call nvme_test,test_nvme_interrupts,$(nvme_CASE)))

nvme_SOURCES := $(wildcard vmm/nvme/*.c) vmm/memory.c vmm/loop.c vmm/coalesce.c vmm/arguments.c

$(eval $(call fuzzer,fuzz_nvme,tests/fuzz/fuzz_nvme.c $(nvme_SOURCES) $(nvme_GUEST) $(filter-out %fake_kvm.c,$(vmm_PCI)),-ljansson))
