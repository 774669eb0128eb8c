# The virtual machine monitor. All but main() is an archive, so that tests and fuzzers link it.
vmm_SRCS := $(filter-out vmm/main.c,$(wildcard vmm/*.c vmm/*/*.c))
vmm_LIBS := -ljansson -lz -llzma -llz4 -lzstd

$(eval $(call archive,libvmm.a,$(vmm_SRCS)))
$(eval $(call program,strata-vmm,vmm/main.c,$(B)/libvmm.a $(LIB),$(vmm_LIBS)))

# The ACPI description of what cannot be discovered: compiled from ASL to a C array dsdt_aml_code[].
$(B)/vmm/dsdt.hex: vmm/dsdt.asl
	@mkdir -p $(@D)
	iasl -tc -p $(B)/vmm/dsdt $< >$(B)/vmm/dsdt.log 2>&1 || { cat $(B)/vmm/dsdt.log; exit 1; }

$(B)/vmm/acpi.o: $(B)/vmm/dsdt.hex
