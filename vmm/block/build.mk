# Unit tests of disks; their code is in the VMM's archive.
block_test = $(call unit_test,$(1),tests/unit/vmm/$(1).c,$(B)/libvmm.a $(LIB),$(vmm_LIBS))

$(eval $(call block_test,test_disk))
