# Unit tests of disks; their code is in the VMM's archive.
block_CASE := $(addprefix tests/unit/vmm/,disk_case.c disk_option.c)
block_test = $(call unit_test,$(1),tests/unit/vmm/$(1).c $(block_CASE),$(B)/libvmm.a $(LIB),$(vmm_LIBS))

$(eval $(call block_test,test_disk))
$(eval $(call block_test,test_disk_engines))

qcow2_MADE := $(addprefix tests/unit/vmm/,qcow2_make.c qcow2_check.c disk_option.c)
qcow2_test = $(call unit_test,$(1),tests/unit/vmm/$(1).c $(qcow2_MADE) $(2),$(B)/libvmm.a $(LIB),$(vmm_LIBS))

$(eval $(call qcow2_test,test_qcow2_crash,tests/unit/vmm/fake_file.c))
$(eval $(call qcow2_test,test_qcow2,tests/tools/disk_random.c))

qcow2_FUZZED := $(addprefix vmm/block/,disk.c formats.c guard.c raw.c) $(wildcard vmm/block/qcow2*.c) \
	vmm/virtio/iov.c vmm/limit.c vmm/bucket.c vmm/arguments.c vmm/loop.c lib/err.c tests/unit/vmm/fake_file.c

$(eval $(call fuzzer,fuzz_qcow2,tests/fuzz/fuzz_qcow2.c $(qcow2_FUZZED),-ljansson -lz -lzstd))
