/* Commands, items and their undoing: see plumbing_work.h. */
#include "lib/plumbing_work.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/proc.h"

#define COMMAND_MS 20000
#define WORDS_MAX  40
#define WORDS_SIZE 512

/* ---- commands ---- */

static void split(char *words, const char *argv[WORDS_MAX + 1])
{
	char *save = NULL;
	int n = 0;

	for (char *w = strtok_r(words, " ", &save); w && n < WORDS_MAX;
	     w = strtok_r(NULL, " ", &save))
		argv[n++] = strcmp(w, "''") ? w : "";
	argv[n] = NULL;
}

/* Whoever wants to stop us has blocked the signals, so that a step is done or not begun. */
static int interrupted(const struct plumbing_work *w)
{
	sigset_t set;

	if (w->undoing || sigpending(&set) ||
	    !(sigismember(&set, SIGINT) || sigismember(&set, SIGTERM) ||
	      sigismember(&set, SIGHUP)))
		return 0;
	return err_set("interrupted");
}

static void show(struct plumbing_work *w, const char *what)
{
	fprintf(w->told, "+ %s\n", what);
	fflush(w->told);
}

int work_run(struct plumbing_work *w, const char *fmt, ...)
{
	const char *argv[WORDS_MAX + 1];
	struct proc_options opt = PROC_DEFAULTS;
	char words[WORDS_SIZE], shown[WORDS_SIZE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(words, sizeof(words), fmt, ap);
	va_end(ap);
	memcpy(shown, words, sizeof(shown));
	if (interrupted(w))
		return -1;
	show(w, shown);
	if (w->dry_run)
		return 0;
	split(words, argv);
	opt.own_group = true;
	return proc_run(argv, &opt, COMMAND_MS, NULL) ? err_add("%s", shown) : 0;
}

int work_write(struct plumbing_work *w, const char *path, const char *text)
{
	char shown[WORDS_SIZE];
	int fd, bad;

	snprintf(shown, sizeof(shown), "echo %s%s> %s", text, *text ? " " : "", path);
	if (interrupted(w))
		return -1;
	show(w, shown);
	if (w->dry_run)
		return 0;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return err_errno("%s: open", shown);
	bad = dprintf(fd, "%s\n", text) < 0 ? errno : 0;
	close(fd);
	errno = bad;
	return bad ? err_errno("%s", shown) : 0;
}

void work_say(struct plumbing_work *w, const char *fmt, ...)
{
	va_list ap;

	fputs("# ", w->told);
	va_start(ap, fmt);
	vfprintf(w->told, fmt, ap);
	va_end(ap);
	fputc('\n', w->told);
	fflush(w->told);
}

enum undo_result work_keep(struct plumbing_work *w, const char *fmt, ...)
{
	size_t used = strlen(w->kept);
	va_list ap;

	if (used && used + 2 < sizeof(w->kept)) {
		strcpy(w->kept + used, "; ");
		used += 2;
	}
	va_start(ap, fmt);
	vsnprintf(w->kept + used, sizeof(w->kept) - used, fmt, ap);
	va_end(ap);
	return UNDO_KEPT;
}

char *work_ask(const char *fmt, ...)
{
	const char *argv[WORDS_MAX + 1];
	char words[WORDS_SIZE], *text;
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	vsnprintf(words, sizeof(words), fmt, ap);
	va_end(ap);
	split(words, argv);
	if (proc_run(argv, NULL, COMMAND_MS, &text))
		return NULL;
	n = strlen(text);
	if (n && text[n - 1] == '\n')
		text[n - 1] = '\0';
	return text;
}

/* ---- items ---- */

static int save(const struct plumbing_work *w)
{
	return w->dry_run ? 0 : state_save(w->state);
}

json_t *work_begin(struct plumbing_work *w, json_t *item)
{
	if (!item || json_array_append_new(json_object_get(w->state, "items"), item)) {
		err_set("out of memory for what is about to be made");
		return NULL;
	}
	return interrupted(w) || save(w) ? NULL : item;
}

int work_done(struct plumbing_work *w, json_t *item)
{
	json_object_set_new(item, "made", json_true());
	return save(w);
}

bool item_is_made(const json_t *item)
{
	return json_is_true(json_object_get(item, "made"));
}

const char *item_text(const json_t *item, const char *key)
{
	const char *s = json_string_value(json_object_get(item, key));

	return s ? s : "";
}

int work_uses(struct plumbing_work *w, const char *fmt, ...)
{
	char key[WORDS_SIZE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(key, sizeof(key), fmt, ap);
	va_end(ap);
	json_array_append_new(json_object_get(w->state, "uses"), json_string(key));
	return save(w);
}

/* ---- undoing ---- */

static const struct plumbing_kind *find_kind(const struct plumbing_kind *table,
					     const json_t *item)
{
	while (table->name && strcmp(table->name, item_text(item, "kind")))
		table++;
	return table->name ? table : NULL;
}

bool item_is_link(const json_t *item)
{
	return find_kind(plumbing_kinds_link, item);
}

bool item_is_ovs(const json_t *item)
{
	return find_kind(plumbing_kinds_ovs, item);
}

const struct plumbing_kind *item_kind(const json_t *item)
{
	const struct plumbing_kind *k = find_kind(plumbing_kinds_link, item);

	k = k ? k : find_kind(plumbing_kinds_ovs, item);
	return k ? k : find_kind(plumbing_kinds_pci, item);
}

/* Another net that stands on this item, borrowed. */
static json_t *heir_of(const struct plumbing_work *w, const json_t *item)
{
	json_t *other, *use;
	size_t i, j;

	json_array_foreach (w->others, i, other) {
		if (item_is_link(item) &&
		    !json_equal(json_object_get(other, "netns_cookie"),
				json_object_get(w->state, "netns_cookie")))
			continue;
		json_array_foreach (json_object_get(other, "uses"), j, use)
			if (!strcmp(json_string_value(use), item_text(item, "key")))
				return other;
	}
	return NULL;
}

/* It is the other's now: written down there first, then marked. The oldest is undone last. */
static int hand_over(struct plumbing_work *w, const struct plumbing_kind *kind, json_t *item,
		     json_t *heir)
{
	const char *name = item_text(heir, "name");

	work_say(w, "%s stays: %s stands on it, and removes it when it goes",
		 item_text(item, "key"), name);
	json_array_insert(json_object_get(heir, "items"), 0, item);
	if (!w->dry_run && state_save(heir))
		return -1;
	return kind->mark && kind->mark(w, item, name) ? -1 : 0;
}

static enum undo_result undo_one(struct plumbing_work *w, json_t *item)
{
	const struct plumbing_kind *kind = item_kind(item);
	json_t *heir = heir_of(w, item);

	if (!kind)
		return work_keep(w, "%s: made by a newer strata: undo it with that one",
				 item_text(item, "key"));
	if (heir && (!kind->there || kind->there(w->name, item)))
		return hand_over(w, kind, item, heir) ? UNDO_FAILED : UNDO_GONE;
	return kind->undo(w, item);
}

int work_undo(struct plumbing_work *w)
{
	json_t *items = json_object_get(w->state, "items");
	char why[600] = "";

	w->undoing = true;
	for (size_t i = json_array_size(items); i-- > 0;) {
		enum undo_result r = undo_one(w, json_array_get(items, i));

		if (r == UNDO_FAILED)
			work_keep(w, "%s", err_text());
		else if (r == UNDO_GONE)
			json_array_remove(items, i);
		if (save(w))
			return -1;
	}
	if (!w->kept[0] && (link_sweep(w) || ovs_sweep(w)))
		snprintf(why, sizeof(why), "%s", err_text());
	if (w->kept[0])
		snprintf(why, sizeof(why), "%s", w->kept);
	return why[0] ? err_set("%s", why) : 0;
}
