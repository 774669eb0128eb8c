/* What somebody types or writes for the interface: the filter box, and the file of key
 * bindings. The first byte says which. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tui/keys.h"
#include "tui/wanted.h"

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
	struct wanted w = {0}, before = {0};
	struct request r = {.measured = true, .end_to_end_ns = 1000};
	struct keymap k;
	char *text;

	if (!size || !(text = malloc(size)))
		return 0;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	if (data[0] & 1) {
		keymap_init(&k);
		(void)!keymap_read(&k, text, "keys");
		check(&k);
	} else if (wanted_parse(&w, text)) {
		if (memcmp(&w, &before, sizeof(w)))
			abort(); /* what was refused changes nothing */
	} else {
		wanted_request(&w, &r);
	}
	free(text);
	return 0;
}
