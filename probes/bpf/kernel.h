/*
 * The few kernel structures, and of them the few fields, that strata's programs read.
 * The loader relocates every access to the running kernel (CO-RE), so neither order nor
 * offsets matter here, and no kernel's full vmlinux.h is needed to build.
 */
#ifndef STRATA_PROBES_BPF_KERNEL_H
#define STRATA_PROBES_BPF_KERNEL_H

#include <linux/bpf.h>
#include <linux/types.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct ns_common {
	unsigned int inum;
};

struct net {
	struct ns_common ns;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct net_device {
	int ifindex;
	possible_net_t nd_net;
};

struct in6_addr {
	union {
		__be32 u6_addr32[4];
	} in6_u;
};

struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
};

struct sock {
	struct sock_common __sk_common;
};

struct tcp_sock {
	__u32 copied_seq;
	__u32 rcv_nxt;
	__u32 write_seq;
	__u64 tcp_mstamp;
};

struct sk_buff {
	struct net_device *dev;
	struct sock *sk;
	unsigned int len;
	__be16 protocol;
	__u16 network_header; /* behind head */
	unsigned char *head;
	unsigned char *data;
};

/* Of linux/ipv6.h, whose own would bring a struct in6_addr: only its name is used. */
struct ipv6hdr {
	__u8 nexthdr;
};

struct iov_iter {
	unsigned long count;
};

struct msghdr {
	struct iov_iter msg_iter;
	void *msg_control;
};

/* What an nginx worker's file descriptor leads to. */
struct socket {
	struct sock *sk;
};

struct file {
	void *private_data;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

/* CONFIG_CFS_BANDWIDTH; the clock since Linux 6.6. */
struct cfs_rq {
	int throttle_count;
	__u64 throttled_clock_self_time;
};

struct sched_entity {
	struct cfs_rq *cfs_rq; /* CONFIG_FAIR_GROUP_SCHED */
};

struct sched_info {
	unsigned long long last_arrival;
	unsigned long long last_queued;
};

struct kernfs_node {
	__u64 id;
};

struct cgroup {
	struct kernfs_node *kn;
};

struct css_set {
	struct cgroup *dfl_cgrp;
};

struct task_struct {
	unsigned int __state;
	int pid;
	int tgid;
	int wake_cpu; /* where it was last, or where it is to be woken; CONFIG_SMP */
	unsigned int in_iowait : 1;
	char comm[16];
	struct sched_entity se;
	struct sched_info sched_info;
	struct css_set *cgroups;
	struct files_struct *files;
	void *bpf_storage; /* NULL: no program ever kept anything for this task */
};

/* Before Linux 5.14. */
struct task_struct___before_5_14 {
	long state;
};

struct napi_struct;

struct irqaction;
struct kvm_vcpu;

/* A vCPU of SVM; it begins with struct kvm_vcpu, as that of VMX does. */
struct vcpu_svm {
	void *vmcb;
};

union vmx_exit_reason {
	__u32 full;
};

struct vcpu_vmx {
	union vmx_exit_reason exit_reason;
};

/* Since Linux 6.15. */
struct vcpu_vt {
	union vmx_exit_reason exit_reason;
};

struct vcpu_vmx___since_6_15 {
	struct vcpu_vt vt;
};

#pragma clang attribute pop

/* Linux 6.2: reads through what it returns need no helper. config.direct says whether there is.
 */
extern void *bpf_rdonly_cast(const void *at, __u32 btf_id)
	__attribute__((section(".ksyms"), weak));

#endif
