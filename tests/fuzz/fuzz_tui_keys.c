/*
 * Any stream of keys, clicks, sizes and times at the interface: each must leave a screen that
 * can be drawn, and the list, the ladder and the histogram within what there is. Two models
 * take turns, as they do when a recording grows.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tracer/analyse.h"
#include "tracer/synthetic.h"
#include "tui/export.h"
#include "tui/plain.h"
#include "tui/ui.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct model *models[2];
static struct versus *versus;
static struct bench bench;
static struct bench_row bench_rows[2] = {
	{.name = "exit.cpuid",
	 .mode = "kvm",
	 .unit = "ns",
	 .median = 1200,
	 .low = 1100,
	 .high = 1300,
	 .n = 4,
	 .asked = 10},
	{.name = "boot.init", .mode = "virtio strata", .unit = "ns", .skipped = "no KVM"}};
static FILE *nowhere;

static struct model *make(unsigned int requests, enum strata_place place, unsigned int lose)
{
	const struct synthetic_options o = {.seed = 7,
					    .place = place,
					    .requests = requests,
					    .connections = 2,
					    .lose_permille = lose};
	char path[] = "/tmp/strata-fuzz-tui.XXXXXX";
	int fd = mkstemp(path);
	struct model *m = NULL;

	if (fd < 0 || synthetic_create(path, &o, NULL, NULL) || analyse(path, NULL, &m))
		abort();
	close(fd);
	unlink(path);
	return m;
}

static void prepare(void)
{
	models[0] = make(24, PLACE_VIRTIO, 0);
	models[1] = make(9, PLACE_VHOST, 80);
	bench.rows = bench_rows;
	bench.count = 2;
	versus = versus_create(models[0], "a", models[1], "b");
	nowhere = fopen("/dev/null", "w");
	if (!versus || !nowhere)
		abort();
}

static void check(const struct ui *ui)
{
	if (ui->rows.count && ui->position >= ui->rows.count)
		abort();
	if (ui->ladder.step < 0 || ui->layers.row < 0 || ui->layers.bucket < 0 ||
	    ui->scroll < 0)
		abort();
}

static void draw(struct ui *ui, uint8_t size)
{
	struct cells *c = cells_create(1 + size % 61, 1 + size * 7 % 211, size & 1);

	if (!c)
		abort();
	ui_draw(ui, c);
	export_text(c, nowhere);
	cells_free(c);
}

/* Bytes below 0x80 are keys; the others say what else happens, with the byte that follows. */
static void one(struct ui *ui, uint8_t what, uint8_t how)
{
	if (what < 0x80)
		ui_key(ui, what);
	else if (what < 0xa0)
		ui_key(ui, KEY_CODE_FIRST + what % 24);
	else if (what < 0xb0)
		ui_mouse(ui, how % 61, how * 3, what % 3 - 1);
	else if (what < 0xc0)
		(void)!ui_model(ui, models[how & 1]);
	else if (what < 0xd0)
		ui_tick(ui, (uint64_t)how << 24);
	else if (what < 0xe0)
		draw(ui, how);
	else if (what < 0xf0)
		plain_view(ui, nowhere, how & 1, how & 2);
	else
		ui_key(ui, (uint32_t)how << 8 | what);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ui *ui = calloc(1, sizeof(*ui));

	if (!models[0])
		prepare();
	if (!ui)
		abort();
	ui_init(ui);
	ui->bench = &bench;
	for (; ui->versus_count < (int)(size % 3); ui->versus_count++)
		ui->versus[ui->versus_count] = versus;
	ui->source.live = size & 1;
	(void)!ui_model(ui, models[0]);
	for (size_t i = 0; i + 1 < size && i < 200; i++) {
		one(ui, data[i], data[i + 1]);
		check(ui);
		if (!(i % 8))
			draw(ui, data[i + 1]);
	}
	ui->bench = NULL;
	ui->versus_count = 0;
	ui_free(ui);
	free(ui);
	return 0;
}
