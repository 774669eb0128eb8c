/* Parsed, checked and opened: see disk_option.h. */
#include "tests/unit/vmm/disk_option.h"

struct disk *disk_option_open(const char *text, struct loop *loop)
{
	static const struct argument table[] = {DISK_ARGUMENTS, {NULL, NULL, false, NULL}};
	struct arguments a;
	struct disk *d;

	if (arguments_parse(&a, text, table))
		return NULL;
	d = disk_check(&a) ? NULL : disk_open(&a, loop);
	arguments_free(&a);
	return d;
}
