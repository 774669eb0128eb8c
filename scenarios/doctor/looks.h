/* The functions that look; a file for each theme. */
#ifndef STRATA_DOCTOR_LOOKS_H
#define STRATA_DOCTOR_LOOKS_H

#include "scenarios/doctor/check.h"

/* machine.c */
void look_kernel(struct finding *f, const void *arg);
void look_privileges(struct finding *f, const void *arg);
void look_lockdown(struct finding *f, const void *arg);
void look_cores(struct finding *f, const void *arg);
void look_memory(struct finding *f, const void *arg);
void look_clock(struct finding *f, const void *arg);
void look_cgroup(struct finding *f, const void *arg);

/* kvm.c */
void look_cpu_virt(struct finding *f, const void *arg);
void look_kvm(struct finding *f, const void *arg);
void look_kvm_tsc(struct finding *f, const void *arg);
void look_kvm_speed(struct finding *f, const void *arg);

/* device.c */
void look_vhost(struct finding *f, const void *arg);
void look_iommu(struct finding *f, const void *arg);
void look_vfio(struct finding *f, const void *arg);

/* bpf.c; arg says which kind of program */
struct bpf_kind;
extern const struct bpf_kind bpf_tp_btf, bpf_raw_tp, bpf_tp, bpf_fentry, bpf_uprobe, bpf_socket;
void look_bpf(struct finding *f, const void *arg);
void look_rings(struct finding *f, const void *arg);

/* btf.c */
struct btf;
struct btf *kernel_btf(void); /* loaded once; NULL if the kernel has none */
void look_btf(struct finding *f, const void *arg);
void look_tracepoints(struct finding *f, const void *arg);
void look_tracefs(struct finding *f, const void *arg);
int tracepoint_id(const char *event); /* "sched/sched_switch"; -1 and errno */

/* network.c; look_netns() makes the namespace that the others use */
void look_netns(struct finding *f, const void *arg);
void look_link(struct finding *f, const void *arg); /* arg: struct link_kind */
struct link_kind;
extern const struct link_kind link_bridge, link_veth, link_tap;

/* built.c */
struct image;
extern const struct image image_guest, image_testbed;
void look_qemu(struct finding *f, const void *arg);
void look_image(struct finding *f, const void *arg);

#endif
