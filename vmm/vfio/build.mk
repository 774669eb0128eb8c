# Unit tests and fuzzer of passthrough: a pretended kernel stands in for vmm/vfio/sys.c.
vfio_FAKES := tests/unit/vmm/fake_vfio.c tests/unit/vmm/fake_kvm.c

$(eval $(call unit_test,test_vfio,tests/unit/vmm/test_vfio.c $(vfio_FAKES),$(B)/libvmm.a $(LIB),$(vmm_LIBS)))

$(eval $(call fuzzer,fuzz_vfio_config,tests/fuzz/fuzz_vfio_config.c tests/unit/vmm/fake_vfio.c $(vmm_PCI) \
	$(addprefix vmm/vfio/,config.c region.c irqs.c)))
