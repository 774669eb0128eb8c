# The virtual machine monitor. All but main() is an archive, so that tests and fuzzers link it.
vmm_SRCS := $(filter-out vmm/main.c,$(wildcard vmm/*.c vmm/*/*.c))
vmm_LIBS := -ljansson -luring -lz -llzma -llz4 -lzstd

$(eval $(call archive,libvmm.a,$(vmm_SRCS)))
$(eval $(call program,strata-vmm,vmm/main.c,$(B)/libvmm.a $(LIB),$(vmm_LIBS)))

# The ACPI description of what cannot be discovered: compiled from ASL to a C array dsdt_aml_code[].
$(B)/vmm/dsdt.hex: vmm/dsdt.asl
	@mkdir -p $(@D)
	$(call say,ASL,$<)
	$(Q)iasl -tc -p $(B)/vmm/dsdt $< >$(B)/vmm/dsdt.log 2>&1 || { cat $(B)/vmm/dsdt.log; exit 1; }

$(B)/vmm/acpi.o: $(B)/vmm/dsdt.hex

vmm_test = $(call unit_test,$(1),tests/unit/vmm/$(1).c $(2),$(B)/libvmm.a $(LIB),$(vmm_LIBS))
vmm_IMAGE := tests/unit/vmm/kernel_image.c

$(eval $(call vmm_test,test_memory_bus,))
$(eval $(call vmm_test,test_loop,))
$(eval $(call vmm_test,test_bucket,))
$(eval $(call vmm_test,test_limit,))
$(eval $(call vmm_test,test_kernel,$(vmm_IMAGE)))
$(eval $(call vmm_test,test_acpi,))
$(eval $(call vmm_test,test_options,))
$(eval $(call vmm_test,test_pci,tests/unit/vmm/fake_kvm.c))
$(eval $(call vmm_test,test_cpuid,))
$(eval $(call vmm_test,test_request,))
$(eval $(call vmm_test,test_control,))
$(eval $(call vmm_test,test_tiny_guest,$(vmm_IMAGE)))

vmm_KERNEL := vmm/kernel.c vmm/elf.c vmm/unpack.c vmm/memory.c lib/err.c
vmm_PCI := vmm/pci.c vmm/pci_bar.c vmm/pci_vector.c vmm/msix.c vmm/msi.c vmm/bus.c lib/err.c tests/unit/vmm/fake_kvm.c

$(eval $(call fuzzer,fuzz_kernel,tests/fuzz/fuzz_kernel.c $(vmm_KERNEL),-lz -llzma -llz4 -lzstd))
$(eval $(call fuzzer,fuzz_control,tests/fuzz/fuzz_control.c vmm/request.c lib/err.c,-ljansson))
$(eval $(call fuzzer,fuzz_pci,tests/fuzz/fuzz_pci.c $(vmm_PCI)))
