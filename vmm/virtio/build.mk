# Unit tests and fuzzers of the data path; the devices themselves are in the VMM's archive.
virtio_DRIVER := tests/unit/vmm/driver.c
virtio_ARCHIVES := $(B)/libvmm.a $(LIB)
virtio_test = $(call unit_test,$(1),tests/unit/vmm/$(1).c $(2),$(virtio_ARCHIVES),$(vmm_LIBS))

$(eval $(call virtio_test,test_virtqueue,$(virtio_DRIVER)))
$(eval $(call virtio_test,test_virtio_net,$(virtio_DRIVER)))
$(eval $(call virtio_test,test_virtio_frame,))
