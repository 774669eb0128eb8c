/* Every reference in a qcow2 file against every refcount. */
#include "tests/unit/vmm/qcow2_check.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/block/qcow2_entry.h"
#include "vmm/block/qcow2_header.h"

#define OFFSET 0x00fffffffffffe00ULL

struct image {
	struct qcow2_check found;
	struct qcow2_header h;
	uint8_t *data;
	uint64_t bytes, clusters;
	uint32_t *uses;
};

static void complain(struct image *m, const char *what, uint64_t where)
{
	printf("# %s: 0x%" PRIx64 "\n", what, where);
	m->found.errors++;
}

static uint64_t entry(const struct image *m, uint64_t table, uint64_t i)
{
	uint64_t at = table + i * 8;

	return at + 8 <= m->bytes ? qcow2_get64(m->data + at) : 0;
}

static void use(struct image *m, uint64_t offset, uint64_t bytes)
{
	uint64_t first = offset >> m->h.cluster_bits;
	uint64_t last = (offset + bytes - 1) >> m->h.cluster_bits;

	for (; first <= last; first++) {
		if (first < m->clusters)
			m->uses[first]++;
		else
			complain(m, "beyond the end", offset);
	}
}

static uint64_t refcount(const struct image *m, uint64_t cluster)
{
	unsigned int bits = m->h.cluster_bits + 3 - m->h.refcount_order;
	uint64_t block = entry(m, m->h.reftable_offset, cluster >> bits), byte;
	unsigned int order = m->h.refcount_order;

	cluster &= (1ULL << bits) - 1;
	byte = block + (cluster << order) / 8;
	if (!block || byte + 8 > m->bytes)
		return 0;
	return qcow2_refcount(m->data + block, cluster, order);
}

static void check_owned(struct image *m, uint64_t e, const char *what)
{
	if (!!(e >> 63) != (refcount(m, (e & OFFSET) >> m->h.cluster_bits) == 1))
		complain(m, what, e);
}

static void walk_l2(struct image *m, uint64_t table)
{
	uint64_t cluster = 1ULL << m->h.cluster_bits;

	for (uint64_t i = 0; i < cluster / 8; i++) {
		uint64_t e = entry(m, table, i);

		if (e >> 62 & 1) {
			use(m, qcow2_packed_offset(e, m->h.cluster_bits),
			    qcow2_packed_bytes(e, m->h.cluster_bits));
		} else if (e & OFFSET) {
			use(m, e & OFFSET, cluster);
			check_owned(m, e, "a data cluster's flag");
			m->found.data++;
		}
	}
}

static void walk(struct image *m)
{
	uint64_t cluster = 1ULL << m->h.cluster_bits;

	use(m, 0, cluster);
	use(m, m->h.l1_offset, (uint64_t)m->h.l1_entries * 8);
	use(m, m->h.reftable_offset, (uint64_t)m->h.reftable_clusters << m->h.cluster_bits);
	for (uint64_t i = 0; i < (uint64_t)m->h.reftable_clusters * (cluster / 8); i++)
		if (entry(m, m->h.reftable_offset, i))
			use(m, entry(m, m->h.reftable_offset, i), cluster);
	for (uint64_t i = 0; i < m->h.l1_entries; i++) {
		uint64_t e = entry(m, m->h.l1_offset, i);

		if (!(e & OFFSET))
			continue;
		use(m, e & OFFSET, cluster);
		check_owned(m, e, "an L2 table's flag");
		walk_l2(m, e & OFFSET);
	}
}

static void compare(struct image *m)
{
	for (uint64_t c = 0; c < m->clusters; c++) {
		uint64_t counted = refcount(m, c);

		if (counted < m->uses[c])
			complain(m, "used more often than counted", c << m->h.cluster_bits);
		m->found.lost += counted > m->uses[c];
	}
}

struct qcow2_check qcow2_check(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct image m = {.found.errors = 0};
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		abort();
	m.bytes = (uint64_t)st.st_size;
	m.data = malloc(m.bytes);
	if (!m.data || read(fd, m.data, m.bytes) != (ssize_t)m.bytes)
		abort();
	close(fd);
	if (qcow2_header_parse(&m.h, m.data, m.bytes < 65536 ? m.bytes : 65536)) {
		complain(&m, "its header", 0);
	} else {
		m.clusters = (m.bytes + (1ULL << m.h.cluster_bits) - 1) >> m.h.cluster_bits;
		m.uses = calloc(m.clusters, sizeof(*m.uses));
		walk(&m);
		compare(&m);
	}
	free(m.uses);
	free(m.data);
	return m.found;
}
