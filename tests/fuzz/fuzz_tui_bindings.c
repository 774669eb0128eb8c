/* The file of key bindings. (What is typed into the filter box: fuzz_filter.) */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tui/keys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One key does one thing, whatever was bound to what. */
static void check(const struct keymap *k)
{
	for (int a = 1; a < ACTIONS; a++)
		for (int i = 0; i < KEYS_PER_ACTION; i++) {
			char names[64];

			if (k->keys[a][i] && keymap_action(k, k->keys[a][i]) != (enum action)a)
				abort();
			keymap_names(k, (enum action)a, names, sizeof(names));
		}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct keymap k;
	char *text;

	if (!(text = strndup((const char *)data, size)))
		return 0;
	keymap_init(&k);
	(void)!keymap_read(&k, text, "keys");
	check(&k);
	free(text);
	return 0;
}
