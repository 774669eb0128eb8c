/*
 * The state in which a vCPU begins: protected mode without paging, or long mode, both with flat
 * segments at privilege level 0 (Intel SDM 3, 2.5, 3.4.5 and 10.8.5;
 * Documentation/virt/kvm/api.rst, KVM_SET_SREGS). The rest of *s is left as KVM gave it.
 */
#ifndef STRATA_LIB_CPU_MODE_H
#define STRATA_LIB_CPU_MODE_H

#include <linux/kvm.h>
#include <stdint.h>

void cpu_mode_protected(struct kvm_sregs *s);

/* page_tables: the guest-physical address of the topmost one. */
void cpu_mode_long(struct kvm_sregs *s, uint64_t page_tables);

#endif
