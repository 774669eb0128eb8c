/* The scenario's VMs: see run.h. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/proc.h"
#include "lib/progress.h"
#include "lib/threads.h"
#include "lib/vm.h"
#include "scenarios/run/load.h"

#define UP_MS     150000
#define STATUS_MS 10000

/* ---- where its threads run ---- */

static int pin(pid_t tid, uint64_t cpus)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	for (int cpu = 0; cpu < SCENARIO_CPUS_MAX; cpu++)
		if (cpus >> cpu & 1)
			CPU_SET(cpu, &set);
	return sched_setaffinity(tid, sizeof(set), &set) && errno != ESRCH
		       ? err_errno("keep thread %d on its CPUs", tid)
		       : 0;
}

static int learn_vcpus(struct machine *m)
{
	json_t *status = vm_do(m->lab.control, "status", STATUS_MS), *vcpu;
	size_t i;

	m->vcpus = 0;
	json_array_foreach (json_object_get(status, "vcpus"), i, vcpu)
		if (m->vcpus < SCENARIO_CPUS_MAX)
			m->vcpu[m->vcpus++] =
				(uint32_t)json_integer_value(json_object_get(vcpu, "tid"));
	json_decref(status);
	return status ? 0 : -1;
}

static bool is_vcpu(const struct machine *m, pid_t tid)
{
	for (unsigned int i = 0; i < m->vcpus; i++)
		if (m->vcpu[i] == (uint32_t)tid)
			return true;
	return false;
}

struct pinning {
	const struct machine *m;
	int result;
};

static bool pin_thread(void *ctx, pid_t tid, const char *name)
{
	struct pinning *p = ctx;
	uint64_t cpus = is_vcpu(p->m, tid) ? p->m->vm->pin : p->m->vm->io;

	(void)name;
	if (cpus && !p->result)
		p->result = pin(tid, cpus);
	return true;
}

static int pin_machine(struct machine *m)
{
	struct pinning p = {.m = m};
	char folder[64];

	snprintf(folder, sizeof(folder), "/proc/%d/task", m->lab.server);
	threads_each(folder, pin_thread, &p);
	return p.result ? err_add("VM %s", m->vm->name) : 0;
}

/* The client and the tracer keep off the vCPUs' CPUs, if that leaves them any. */
static int pin_ourselves(const struct run *r)
{
	uint64_t taken = 0, left;
	cpu_set_t set;

	for (unsigned int i = 0; i < r->s->vms; i++)
		taken |= r->s->vm[i].pin;
	if (!taken || sched_getaffinity(0, sizeof(set), &set))
		return 0;
	left = 0;
	for (int cpu = 0; cpu < SCENARIO_CPUS_MAX; cpu++)
		if (CPU_ISSET(cpu, &set) && !(taken >> cpu & 1))
			left |= 1ULL << cpu;
	return left ? pin(0, left) : 0;
}

/* ---- its group and its limits ---- */

static int group_machine(struct machine *m)
{
	char path[200];
	struct stat st;
	int version;

	m->remedy = remedy_vm_open(m->lab.control, m->lab.server, NULL);
	if (!m->remedy || remedy_cgroup(m->remedy, m->cgroup, sizeof(m->cgroup), &version))
		return err_add("VM %s", m->vm->name);
	snprintf(path, sizeof(path), "/sys/fs/cgroup%s", m->cgroup);
	if (version == 2 && !stat(path, &st))
		m->cgroup_inode = (uint32_t)st.st_ino;
	return 0;
}

static int limit_machines(struct run *r)
{
	for (unsigned int i = 0; i < r->s->limits; i++) {
		const struct scenario_setting *x = &r->s->limit[i];

		if (remedy_set(r->machine[x->vm].remedy, x->name, x->value))
			return err_add("VM %s: %s", r->s->vm[x->vm].name, x->name);
	}
	return 0;
}

/* ---- up and down ---- */

/* In memory, so that what is measured is not the disk of whoever looks on; gone with us. */
static int make_disk(struct machine *m, char path[64])
{
	int error;

	m->disk_fd = memfd_create(m->vm->name, MFD_CLOEXEC);
	if (m->disk_fd < 0)
		return err_errno("memory for the disk of VM %s", m->vm->name);
	errno = error = posix_fallocate(m->disk_fd, 0, (off_t)m->vm->disk_bytes);
	if (error)
		return err_errno("the disk of VM %s", m->vm->name);
	snprintf(path, 64, "/proc/%d/fd/%d", getpid(), m->disk_fd);
	return 0;
}

static int start(struct run *r, struct machine *m)
{
	struct lab_vm as = {.memory = m->vm->memory,
			    .image = m->vm->image->path,
			    .target = m->vm->image->target};
	char disk[64];

	if (m->vm->disk_bytes) {
		if (make_disk(m, disk))
			return -1;
		as.disk = disk;
	}
	progress("VM %s: starting", m->vm->name);
	return lab_start_as(&m->lab, &r->site, m->vm->place, (int)m->vm->cpus, m->vm->name,
			    &as);
}

static int settle(struct machine *m)
{
	if (lab_await(&m->lab, UP_MS))
		return err_add("VM %s", m->vm->name);
	return learn_vcpus(m) || pin_machine(m) || group_machine(m) ? -1 : 0;
}

int machines_up(struct run *r)
{
	for (unsigned int i = 0; i < r->s->vms; i++) {
		r->machine[i] = (struct machine){
			.vm = &r->s->vm[i], .lab.server_ns = -1, .disk_fd = -1};
		if (start(r, &r->machine[i]))
			return err_add("VM %s", r->s->vm[i].name);
	}
	for (unsigned int i = 0; i < r->s->vms; i++) {
		if (settle(&r->machine[i]))
			return -1;
		progress("VM %s is up at %s", r->s->vm[i].name, r->machine[i].lab.address);
	}
	return limit_machines(r) || pin_ourselves(r) ? -1 : 0;
}

int machines_check(struct run *r)
{
	int status;

	for (unsigned int i = 0; i < r->s->vms; i++) {
		struct machine *m = &r->machine[i];

		if (!m->lab.server)
			return err_set("VM %s has ended", m->vm->name);
		if (proc_wait(m->lab.server, 0, &status) == 1)
			continue;
		m->lab.server = 0;
		return err_set("VM %s %s; its console is in %s", m->vm->name,
			       proc_status_text(status), m->lab.log);
	}
	return 0;
}

static void say_what_stays(const struct machine *m)
{
	progress("VM %s: %s; \"strata run --cleanup\" tries again", m->vm->name, err_text());
}

void machines_down(struct run *r)
{
	char why[1024];

	snprintf(why, sizeof(why), "%s", err_text()); /* it may be why we end */
	for (unsigned int i = r->s->vms; i-- > 0;) {
		struct machine *m = &r->machine[i];

		if (!m->vm)
			continue;
		lab_stop(&m->lab);
		if (m->disk_fd >= 0)
			close(m->disk_fd);
		m->disk_fd = -1;
		if (!m->remedy)
			continue;
		if (remedy_undo(m->remedy))
			say_what_stays(m);
		remedy_vm_close(m->remedy);
		m->remedy = NULL;
	}
	if (r->site_open)
		lab_close(&r->site);
	r->site_open = false;
	err_set("%s", why);
}

int machines_topology(const struct run *r, struct topology *t)
{
	unsigned int victim = r->s->load.vm, count;
	uint16_t ports[LOAD_PORTS_MAX];

	if (lab_topology(&r->machine[victim].lab, t))
		return -1;
	count = load_ports(r->s, ports);
	for (unsigned int i = 0; i < count; i++)
		if (topology_add_port(t, ports[i]))
			return -1;
	for (unsigned int i = 0; i < r->s->vms; i++) {
		const char *control = r->machine[i].lab.control;

		if (i != victim && (load_needs(r->s, i) ? topology_add_vm(t, control)
							: topology_add_bystander(t, control)))
			return -1;
	}
	return 0;
}
