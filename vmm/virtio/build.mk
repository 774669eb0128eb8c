# Unit tests and fuzzers of the data path; the devices themselves are in the VMM's archive.
virtio_DRIVER := tests/unit/vmm/driver.c
virtio_NET_CARD := tests/unit/vmm/net_card.c $(virtio_DRIVER)
virtio_PCI := tests/unit/vmm/fake_pci.c
virtio_ARCHIVES := $(B)/libvmm.a $(LIB)
virtio_test = $(call unit_test,$(1),tests/unit/vmm/$(1).c $(2),$(virtio_ARCHIVES),$(vmm_LIBS))

$(eval $(call virtio_test,test_virtqueue,$(virtio_DRIVER)))
$(eval $(call virtio_test,test_virtio_net,$(virtio_NET_CARD)))
$(eval $(call virtio_test,test_virtio_net_rx,$(virtio_NET_CARD)))
$(eval $(call virtio_test,test_virtio_net_tx,$(virtio_NET_CARD)))
$(eval $(call virtio_test,test_virtio_blk,$(virtio_DRIVER) $(virtio_PCI)))
$(eval $(call virtio_test,test_virtio_blk_queues,$(virtio_DRIVER) tests/unit/vmm/fake_disk.c))
$(eval $(call virtio_test,test_virtio_pci,$(virtio_DRIVER) $(virtio_PCI)))
$(eval $(call virtio_test,test_virtio_frame,))
$(eval $(call virtio_test,test_vhost,$(virtio_DRIVER)))
$(eval $(call virtio_test,test_vhost_user,))

virtio_QUEUE := vmm/virtio/virtqueue.c vmm/memory.c lib/err.c
virtio_NET := $(addprefix vmm/virtio/,net.c net_tap.c net_rx.c net_tx.c net_sent.c net_ctrl.c iov.c virtio.c) \
	vmm/net/tap.c vmm/net/link.c vmm/limit.c vmm/bucket.c vmm/arguments.c vmm/loop.c vmm/coalesce.c vmm/trace.c vmm/frame.c lib/ring.c
virtio_BLK := $(addprefix vmm/virtio/,blk.c blk_request.c iov.c virtio.c) vmm/loop.c vmm/coalesce.c tests/unit/vmm/fake_disk.c

$(eval $(call fuzzer,fuzz_frame,tests/fuzz/fuzz_frame.c vmm/frame.c))
$(eval $(call fuzzer,fuzz_virtqueue,tests/fuzz/fuzz_virtqueue.c $(virtio_QUEUE)))
$(eval $(call fuzzer,fuzz_virtio_net,tests/fuzz/fuzz_virtio_net.c $(virtio_DRIVER) $(virtio_NET) $(virtio_QUEUE),-ljansson))
$(eval $(call fuzzer,fuzz_vhost_user,tests/fuzz/fuzz_vhost_user.c vmm/virtio/vhost_user.c lib/err.c))
$(eval $(call fuzzer,fuzz_virtio_blk,tests/fuzz/fuzz_virtio_blk.c $(virtio_DRIVER) $(virtio_BLK) $(virtio_QUEUE),-ljansson))
