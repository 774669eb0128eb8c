/*
 * virtio-blk: a disk over a raw file or block device (virtio 1.2, 5.2).
 *
 *     --disk mode=virtio,file=PATH[,readonly]
 *
 * Reads, writes, flushes and tells its name. Requests run one after the other on the
 * machine's I/O loop. A flush is an fdatasync(): what the guest flushed is on the host's
 * disk. A request outside the disk, or one the file refuses, ends in an I/O error for
 * the guest; a full host disk is named on stderr once.
 *
 * Status, beside what every virtio device tells: "file", "readonly", "capacity_bytes",
 * "reads", "writes", "flushes", "read_bytes", "written_bytes", "errors", "disk_full".
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/virtio_blk.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/err.h"
#include "vmm/virtio/devices.h"
#include "vmm/machine.h"
#include "vmm/virtio/counter.h"
#include "vmm/virtio/iov.h"
#include "vmm/virtio/pci.h"

#define CLASS_STORAGE     0x018000
#define SECTOR_BYTES      512
#define SEGMENT_BYTES_MAX (1U << 20)
#define DEVICE_NAME       "strata-disk"

struct blk {
	struct virtio_device device;
	struct virtio_pci transport;
	struct virtio_blk_config config;
	struct virtqueue_chain chain; /* the request being worked on */
	struct iovec data[VIRTQUEUE_SIZE_MAX];
	char name[64];
	char *path;
	int fd;
	bool readonly;
	uint64_t bytes;

	uint64_t reads, writes, flushes, read_bytes, written_bytes, errors, disk_full;
};

/* Move the whole list, however the file cuts it up. Returns 0 or an errno. */
static int transfer(int fd, struct iovec *iov, unsigned int count, uint64_t offset, bool write)
{
	while (count) {
		ssize_t n = write ? pwritev(fd, iov, (int)count, (off_t)offset)
				  : preadv(fd, iov, (int)count, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		if (!n) /* the file has been cut short */
			return EIO;
		offset += (uint64_t)n;
		while (count && (size_t)n >= iov->iov_len) {
			n -= (ssize_t)iov->iov_len;
			iov++;
			count--;
		}
		if (count) {
			iov->iov_base = (char *)iov->iov_base + n;
			iov->iov_len -= (size_t)n;
		}
	}
	return 0;
}

static uint8_t failed(struct blk *b, int error)
{
	counter_add(&b->errors, 1);
	if (error != ENOSPC)
		return VIRTIO_BLK_S_IOERR;
	counter_add(&b->disk_full, 1);
	if (b->disk_full == 1)
		fprintf(stderr,
			"strata-vmm: %s: no space left on the host for the guest's data; the "
			"guest gets I/O errors until there is\n",
			b->name);
	return VIRTIO_BLK_S_IOERR;
}

/* 5.2.6.1: whole sectors, all of them on the disk. */
static bool in_range(const struct blk *b, uint64_t sector, size_t bytes)
{
	return bytes % SECTOR_BYTES == 0 && bytes <= b->bytes &&
	       sector <= (b->bytes - bytes) / SECTOR_BYTES;
}

static uint8_t read_sectors(struct blk *b, uint64_t sector, size_t *written)
{
	const struct virtqueue_chain *c = &b->chain;
	size_t bytes = c->writable_bytes - 1;
	unsigned int count = iov_slice(chain_writable(c), c->writable, 0, bytes, b->data);
	int error = in_range(b, sector, bytes)
			    ? transfer(b->fd, b->data, count, sector * SECTOR_BYTES, false)
			    : EINVAL;

	if (error)
		return failed(b, error);
	*written = bytes;
	counter_add(&b->reads, 1);
	counter_add(&b->read_bytes, bytes);
	return VIRTIO_BLK_S_OK;
}

static uint8_t write_sectors(struct blk *b, uint64_t sector)
{
	const struct virtqueue_chain *c = &b->chain;
	size_t header = sizeof(struct virtio_blk_outhdr);
	size_t bytes = c->readable_bytes - header;
	unsigned int count = iov_slice(c->iov, c->readable, header, bytes, b->data);
	int error = EROFS;

	if (!b->readonly)
		error = in_range(b, sector, bytes)
				? transfer(b->fd, b->data, count, sector * SECTOR_BYTES, true)
				: EINVAL;
	if (error)
		return failed(b, error);
	counter_add(&b->writes, 1);
	counter_add(&b->written_bytes, bytes);
	return VIRTIO_BLK_S_OK;
}

static uint8_t flush(struct blk *b)
{
	counter_add(&b->flushes, 1);
	return fdatasync(b->fd) ? failed(b, errno) : VIRTIO_BLK_S_OK;
}

static uint8_t tell_name(struct blk *b, size_t *written)
{
	const struct virtqueue_chain *c = &b->chain;
	char id[VIRTIO_BLK_ID_BYTES] = DEVICE_NAME;
	size_t room = c->writable_bytes - 1;

	*written = iov_copy_to(chain_writable(c), c->writable, 0, id,
			       room < sizeof(id) ? room : sizeof(id));
	return VIRTIO_BLK_S_OK;
}

static uint8_t execute(struct blk *b, const struct virtio_blk_outhdr *h, size_t *written)
{
	switch (h->type) {
	case VIRTIO_BLK_T_IN:
		return read_sectors(b, h->sector, written);
	case VIRTIO_BLK_T_OUT:
		return write_sectors(b, h->sector);
	case VIRTIO_BLK_T_FLUSH:
		return flush(b);
	case VIRTIO_BLK_T_GET_ID:
		return tell_name(b, written);
	default:
		counter_add(&b->errors, 1);
		return VIRTIO_BLK_S_UNSUPP;
	}
}

/* 5.2.6: header, data, and a status byte at the end of what is writable. */
static bool serve(struct virtio_device *d, unsigned int queue, struct virtqueue_chain *c)
{
	struct blk *b = d->owner;
	struct virtio_blk_outhdr header;
	size_t written = 0;
	uint8_t status;

	if (c->readable_bytes < sizeof(header) || !c->writable_bytes) {
		virtio_break(d, "disk request without header or status");
		return false;
	}
	iov_copy_from(c->iov, c->readable, 0, &header, sizeof(header));
	status = execute(b, &header, &written);
	iov_copy_to(chain_writable(c), c->writable, c->writable_bytes - 1, &status, 1);
	/* The used length counts from the front: with a gap before the status, only the front.
	 */
	written += written == c->writable_bytes - 1;
	virtqueue_push(&d->queue[queue].ring, c->head, (uint32_t)written);
	virtio_publish(d, queue);
	return true;
}

static void blk_kick(struct virtio_device *d, unsigned int queue)
{
	struct blk *b = d->owner;

	virtio_serve(d, queue, &b->chain, serve);
}

static void blk_start(struct virtio_device *d)
{
	virtio_kick_again(d, 0);
}

static void blk_stop(struct virtio_device *d)
{
	(void)d; /* no request outlives blk_kick() */
}

static const struct virtio_ops blk_ops = {
	.start = blk_start, .stop = blk_stop, .kick = blk_kick};

static int find_size(struct blk *b)
{
	struct stat st;

	if (fstat(b->fd, &st))
		return err_errno("disk %s", b->path);
	if (S_ISREG(st.st_mode))
		b->bytes = (uint64_t)st.st_size;
	else if (!S_ISBLK(st.st_mode) || ioctl(b->fd, BLKGETSIZE64, &b->bytes))
		return err_set("disk %s is neither a file nor a block device", b->path);
	b->bytes -= b->bytes % SECTOR_BYTES;
	if (!b->bytes)
		return err_set("disk %s is empty; make one by: truncate -s 64M %s", b->path,
			       b->path);
	return 0;
}

static int open_file(struct blk *b)
{
	b->fd = open(b->path, (b->readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC);
	if (b->fd < 0)
		return err_errno("disk %s: cannot open it for %s", b->path,
				 b->readonly ? "reading" : "reading and writing");
	if (flock(b->fd, (b->readonly ? LOCK_SH : LOCK_EX) | LOCK_NB))
		return err_set("disk %s is in use by another VM; two of them would destroy "
			       "it (readonly may be shared)",
			       b->path);
	return find_size(b);
}

static int set_up(struct blk *b, struct machine *m)
{
	struct virtio_device *d = &b->device;

	if (open_file(b))
		return -1;
	snprintf(b->name, sizeof(b->name), "virtio-blk %s", b->path);
	b->config.capacity = b->bytes / SECTOR_BYTES;
	b->config.size_max = SEGMENT_BYTES_MAX;
	b->config.seg_max = VIRTQUEUE_SIZE_MAX - 2; /* less header and status */
	b->config.blk_size = SECTOR_BYTES;
	d->name = b->name;
	d->id = VIRTIO_ID_BLOCK;
	d->ops = &blk_ops;
	d->owner = b;
	d->offered = 1ULL << VIRTIO_BLK_F_SIZE_MAX | 1ULL << VIRTIO_BLK_F_SEG_MAX |
		     1ULL << VIRTIO_BLK_F_BLK_SIZE | 1ULL << VIRTIO_BLK_F_FLUSH |
		     (b->readonly ? 1ULL << VIRTIO_BLK_F_RO : 0);
	d->queue_count = 1;
	d->config = &b->config;
	d->config_bytes = offsetof(struct virtio_blk_config, physical_block_exp);
	if (virtio_init(d, m->io, &m->memory))
		return -1;
	return virtio_pci_add(&b->transport, d, m, CLASS_STORAGE);
}

static int blk_create(struct device *d, const struct arguments *a)
{
	struct blk *b = calloc(1, sizeof(*b));

	if (!b)
		return err_errno("disk");
	d->state = b;
	b->fd = -1;
	b->readonly = arguments_has(a, "readonly");
	b->path = strdup(arguments_get(a, "file", ""));
	if (!b->path)
		return err_errno("disk");
	if (set_up(b, d->machine))
		return -1;
	d->pci = &b->transport.pci;
	return 0;
}

static void blk_destroy(struct device *d)
{
	struct blk *b = d->state;

	virtio_destroy(&b->device);
	if (b->fd >= 0)
		close(b->fd);
	free(b->path);
	free(b);
}

static void blk_status(struct device *d, json_t *into)
{
	struct blk *b = d->state;
	const struct {
		const char *name;
		const uint64_t *counter;
	} rows[] = {
		{"capacity_bytes", &b->bytes},  {"reads", &b->reads},
		{"writes", &b->writes},         {"flushes", &b->flushes},
		{"read_bytes", &b->read_bytes}, {"written_bytes", &b->written_bytes},
		{"errors", &b->errors},         {"disk_full", &b->disk_full},
	};

	virtio_pci_status(&b->transport, into);
	json_object_set_new(into, "file", json_string(b->path));
	json_object_set_new(into, "readonly", json_boolean(b->readonly));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		json_object_set_new(into, rows[i].name,
				    json_integer((json_int_t)counter_read(rows[i].counter)));
}

static const struct argument blk_arguments[] = {
	{"file", "PATH", true, "a raw disk image, or a block device"},
	{"readonly", NULL, false, "the guest may not write"},
	{NULL, NULL, false, NULL},
};

const struct device_type device_disk_virtio = {
	.name = "disk",
	.mode = "virtio",
	.help = "a disk that the VMM serves",
	.arguments = blk_arguments,
	.many = true,
	.create = blk_create,
	.destroy = blk_destroy,
	.status = blk_status,
};
