/*
 * Settings of the machine that add noise, changed for a session, written down, and put back.
 *
 * A process of its own waits for the end of the one that changed them and puts back what that
 * one could not, however it ended.
 */
#ifndef STRATA_BENCH_SUITE_SETTINGS_H
#define STRATA_BENCH_SUITE_SETTINGS_H

#include <sys/types.h>

#include <jansson.h>

struct settings {
	json_t *changed; /* [{"path", "before", "during"}]; owned */
	int life;        /* the guardian watches for the end of this pipe */
	pid_t guardian;
};

/* Set what there is: governors to performance, KSM stopped. root stands before every path ("":
 * this machine). What cannot be changed stays as it is. */
void settings_apply(struct settings *s, const char *root);

/* Put back what was changed. */
void settings_restore(struct settings *s);
void settings_free(struct settings *s);

#endif
