/* The settings that are files of the VM's cgroup: what people write, as the kernel has it. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/err.h"
#include "scenarios/remedies/internal.h"
#include "scenarios/remedies/rows.h"

#define V1_UNLIMITED (1ULL << 62) /* version 1 says "no limit" by a number near LONG_MAX */
#define V1_SHARES    1024         /* ... and has this weight where version 2 has 100 */

/* Text of people's to the kernel's, and back; value has been checked. */
struct notation {
	void (*write)(const char *text, int version, char *out, size_t bytes);
	void (*read)(const char *text, int version, char *out, size_t bytes);
};

struct cgroup_row {
	const char *controller, *file, *file_v1;
	const struct notation *notation;
};

/* ---- bytes ---- */

static void bytes_write(const char *text, int version, char *out, size_t bytes)
{
	uint64_t n = 0;

	value_bytes(text, &n);
	if (n == UINT64_MAX)
		snprintf(out, bytes, "%s", version == 2 ? "max" : "-1");
	else
		snprintf(out, bytes, "%llu", (unsigned long long)n);
}

static void bytes_read(const char *text, int version, char *out, size_t bytes)
{
	bool none = version == 1 && strtoull(text, NULL, 10) >= V1_UNLIMITED;

	snprintf(out, bytes, "%s", none ? "max" : text);
}

static const struct notation bytes_notation = {bytes_write, bytes_read};

/* ---- weight ---- */

static void weight_write(const char *text, int version, char *out, size_t bytes)
{
	unsigned int weight = 100;

	value_weight(text, &weight);
	if (version == 1)
		weight = weight * V1_SHARES / 100;
	snprintf(out, bytes, "%u", weight < 2 && version == 1 ? 2 : weight);
}

static void weight_read(const char *text, int version, char *out, size_t bytes)
{
	unsigned long n = strtoul(text, NULL, 10);

	snprintf(out, bytes, "%lu", version == 1 ? (n * 100 + V1_SHARES / 2) / V1_SHARES : n);
}

static const struct notation weight_notation = {weight_write, weight_read};

/* ---- as it is ---- */

static void plain(const char *text, int version, char *out, size_t bytes)
{
	(void)version;
	snprintf(out, bytes, "%s", text);
}

static const struct notation plain_notation = {plain, plain};

/* A cpuset with processes in it cannot be made empty again, which was "as the parent has it".
 * What it shall be then, or NULL: as it was. */
static const char *undo_of(const char *path, char *room, size_t bytes)
{
	char parents[PATH_MAX + 64], now[16];

	if (strcmp(strrchr(path, '/'), "/cpuset.cpus") || file_text(now, sizeof(now), path) ||
	    now[0])
		return NULL;
	snprintf(parents, sizeof(parents), "%.*s/../cpuset.cpus.effective",
		 (int)(strrchr(path, '/') - path), path);
	return file_text(room, bytes, parents) ? NULL : room;
}

int cgroup_row_apply(struct remedy_vm *vm, const struct remedy *r, const char *text)
{
	const struct cgroup_row *row = r->how;
	char path[PATH_MAX], kernels[4096], before[4096];
	int version;

	if (cgroup_file(vm, row->controller, row->file, row->file_v1, path, &version))
		return -1;
	row->notation->write(text, version, kernels, sizeof(kernels));
	return record_write(vm, path, kernels, undo_of(path, before, sizeof(before)));
}

json_t *cgroup_row_read(struct remedy_vm *vm, const struct remedy *r)
{
	const struct cgroup_row *row = r->how;
	char path[PATH_MAX], kernels[4096], text[4096];
	int version;

	if (cgroup_look(vm, row->controller, row->file, row->file_v1, path, &version))
		return NULL;
	/* The root has none, and a cgroup whose parent does not hand the controller on. */
	if (file_text(kernels, sizeof(kernels), path))
		return json_null();
	row->notation->read(kernels, version, text, sizeof(text));
	return text[0] ? json_string(text) : json_null();
}

int check_bytes(const char *text)
{
	uint64_t n;

	return value_bytes(text, &n);
}

int check_weight(const char *text)
{
	unsigned int n;

	return value_weight(text, &n);
}

int check_cpus(const char *text)
{
	cpu_set_t set;

	return value_cpus(text, &set);
}

const struct cgroup_row row_cpu_weight = {"cpu", "cpu.weight", "cpu.shares", &weight_notation},
			row_cpuset_cpus = {"cpuset", "cpuset.cpus", "cpuset.cpus",
					   &plain_notation},
			row_memory_max = {"memory", "memory.max", "memory.limit_in_bytes",
					  &bytes_notation},
			row_memory_high = {"memory", "memory.high", NULL, &bytes_notation},
			row_memory_min = {"memory", "memory.min", NULL, &bytes_notation},
			row_memory_low = {"memory", "memory.low", "memory.soft_limit_in_bytes",
					  &bytes_notation};

/* ---- cpu.max: two files in version 1 ---- */

int check_cpu_max(const char *text)
{
	long long quota, period;

	return value_cpu_max(text, &quota, &period);
}

static int cpu_max_v1(struct remedy_vm *vm, char path[PATH_MAX], long long quota,
		      long long period)
{
	char text[32];
	char *name = strrchr(path, '/') + 1;

	snprintf(text, sizeof(text), "%lld", period);
	strcpy(name, "cpu.cfs_period_us");
	if (record_write(vm, path, text, NULL))
		return -1;
	snprintf(text, sizeof(text), "%lld", quota);
	strcpy(name, "cpu.cfs_quota_us");
	return record_write(vm, path, text, NULL);
}

int cpu_max_apply(struct remedy_vm *vm, const struct remedy *r, const char *text)
{
	char path[PATH_MAX], kernels[64];
	long long quota, period;
	int version;

	(void)r;
	if (value_cpu_max(text, &quota, &period) ||
	    cgroup_file(vm, "cpu", "cpu.max", "cpu.cfs_quota_us", path, &version))
		return -1;
	if (version == 1)
		return cpu_max_v1(vm, path, quota, period);
	if (quota < 0)
		snprintf(kernels, sizeof(kernels), "max %lld", period);
	else
		snprintf(kernels, sizeof(kernels), "%lld %lld", quota, period);
	return record_write(vm, path, kernels, NULL);
}

json_t *cpu_max_read(struct remedy_vm *vm, const struct remedy *r)
{
	char path[PATH_MAX], quota[64], period[32] = "";
	long long q, p = 100000;
	int version;

	(void)r;
	if (cgroup_look(vm, "cpu", "cpu.max", "cpu.cfs_quota_us", path, &version))
		return NULL;
	if (file_text(quota, sizeof(quota), path))
		return json_null();
	if (version == 1) {
		strcpy(strrchr(path, '/') + 1, "cpu.cfs_period_us");
		if (file_text(period, sizeof(period), path))
			return json_null();
		p = atoll(period);
	} else if (strchr(quota, ' ')) {
		p = atoll(strchr(quota, ' '));
	}
	q = quota[0] == 'm' ? -1 : atoll(quota);
	if (q < 0 || p <= 0)
		return json_string("max");
	if (p == 100000)
		return json_sprintf("%lld%%", q * 100 / p);
	return json_sprintf("%lld%%/%lldus", q * 100 / p, p);
}

/* ---- cpuset.partition: cores that nobody else has ---- */

int check_partition(const char *text)
{
	if (!strcmp(text, "member") || !strcmp(text, "root") || !strcmp(text, "isolated"))
		return 0;
	return err_set(
		"\"%s\": member, root (cores for this VM alone) or isolated (without the "
		"scheduler's balancing, too)",
		text);
}

/* Since Linux 6.7 a cgroup may be a partition whose parent is none, if it asks for its cores by
 * name. */
static int ask_exclusive(struct remedy_vm *vm, const char *dir)
{
	char from[PATH_MAX + 32], to[PATH_MAX + 32], cpus[4096];

	snprintf(from, sizeof(from), "%s/cpuset.cpus", dir);
	snprintf(to, sizeof(to), "%s/cpuset.cpus.exclusive", dir);
	if (file_text(cpus, sizeof(cpus), from))
		return -1;
	if (!cpus[0])
		return err_set("which cores? Set cpuset.cpus first");
	return access(to, F_OK) ? 0 : record_write(vm, to, cpus, NULL);
}

int partition_apply(struct remedy_vm *vm, const struct remedy *r, const char *text)
{
	char path[PATH_MAX], dir[PATH_MAX], now[512];
	int version;

	(void)r;
	if (cgroup_file(vm, "cpuset", "cpuset.cpus.partition", NULL, path, &version))
		return -1;
	snprintf(dir, sizeof(dir), "%s", path);
	*strrchr(dir, '/') = '\0';
	if (strcmp(text, "member") && ask_exclusive(vm, dir))
		return -1;
	if (record_write(vm, path, text, "member") || file_text(now, sizeof(now), path))
		return -1;
	return strstr(now, "invalid")
		       ? err_set("the kernel takes cpuset.cpus.partition=%s, but says: %s",
				 text, now)
		       : 0;
}

json_t *partition_read(struct remedy_vm *vm, const struct remedy *r)
{
	char path[PATH_MAX], now[512];
	int version;

	(void)r;
	if (cgroup_look(vm, "cpuset", "cpuset.cpus.partition", NULL, path, &version))
		return NULL;
	return file_text(now, sizeof(now), path) ? json_null() : json_string(now);
}
