/* The model of a synthetic recording, of which no file stays. Included after cmocka.h. */
#ifndef STRATA_TESTS_SYNTHETIC_MODEL_H
#define STRATA_TESTS_SYNTHETIC_MODEL_H

#include <stdlib.h>
#include <unistd.h>

#include "lib/err.h"
#include "tracer/analyse.h"
#include "tracer/synthetic.h"

static struct model *synthetic_model(const struct synthetic_options *o)
{
	char path[] = "/tmp/strata-test.XXXXXX";
	int fd = mkstemp(path), failed;
	struct model *m = NULL;

	assert_true(fd >= 0);
	close(fd);
	failed = synthetic_create(path, o, NULL, NULL) || analyse(path, NULL, &m);
	unlink(path);
	if (failed)
		fail_msg("%s", err_text());
	return m;
}

#endif
