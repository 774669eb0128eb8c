/* Fuzz the document of a bench as the interface shows it: anyone may have written it. */
#include <stdint.h>
#include <stdlib.h>

#include "tui/export.h"
#include "tui/ui.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void draw(struct ui *ui, int rows, int columns)
{
	struct cells *c = cells_create(rows, columns, true);

	if (!c)
		abort();
	ui_draw(ui, c);
	cells_free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *document = json_loadb((const char *)data, size, 0, NULL);
	struct ui *ui = calloc(1, sizeof(*ui));

	if (!ui)
		abort();
	ui_init(ui);
	ui->view = VIEW_BENCH;
	ui->bench = document ? bench_of(document, "it") : NULL;
	draw(ui, 24, 80);
	draw(ui, 60, 200);
	draw(ui, 10, 40);
	ui_free(ui);
	free(ui);
	json_decref(document);
	return 0;
}
