/* Waiting without blocking: lists of tasks, and one queue of those that can go on. */
#include "vmm/block/qcow2_image.h"

void qcow2_wait(struct qcow2_list *l, struct qcow2_task *t)
{
	t->next = NULL;
	if (l->last)
		l->last->next = t;
	else
		l->first = t;
	l->last = t;
}

static struct qcow2_task *take_first(struct qcow2_list *l)
{
	struct qcow2_task *t = l->first;

	if (!t)
		return NULL;
	l->first = t->next;
	if (!l->first)
		l->last = NULL;
	return t;
}

void qcow2_ready(struct qcow2_task *t, int error)
{
	t->error = error;
	qcow2_wait(&t->q->chain->ready, t);
}

void qcow2_wake_one(struct qcow2_list *l)
{
	struct qcow2_task *t = take_first(l);

	if (t)
		qcow2_ready(t, 0);
}

void qcow2_wake(struct qcow2_list *l, int error)
{
	struct qcow2_task *t;

	while ((t = take_first(l)))
		qcow2_ready(t, error);
}

static void file_done(struct file_request *r, int error)
{
	qcow2_ready(r->owner, error);
}

void qcow2_file_submit(struct qcow2_file *f, struct file_request *r, struct qcow2_task *t)
{
	r->done = file_done;
	r->owner = t;
	f->to_run = true;
	file_submit(f->file, r);
}

static void run_file(struct qcow2_file *f)
{
	if (!f->to_run)
		return;
	f->to_run = false;
	file_run(f->file);
}

static void run_files(struct qcow2_chain *c)
{
	for (unsigned int i = 0; i < c->count; i++) {
		run_file(&c->images[i]->own);
		run_file(&c->images[i]->raw);
	}
}

void qcow2_progress(struct qcow2_chain *c)
{
	struct qcow2_task *t;

	if (c->running)
		return;
	c->running = true;
	while (c->ready.first) {
		while ((t = take_first(&c->ready)))
			t->step(t);
		run_files(c);
	}
	c->running = false;
	if (!c->answered)
		return;
	c->answered = false;
	if (c->outer)
		c->outer->end(c->outer->owner);
}

static bool busy(const struct qcow2_chain *c)
{
	for (unsigned int i = 0; i < c->count; i++)
		if (c->images[i]->requests || c->images[i]->commit.busy ||
		    c->images[i]->alloc.busy)
			return true;
	return false;
}

void qcow2_drain(struct qcow2_chain *c)
{
	qcow2_progress(c);
	while (busy(c)) {
		for (unsigned int i = 0; i < c->count; i++) {
			file_drain(c->images[i]->own.file);
			if (c->images[i]->raw.file)
				file_drain(c->images[i]->raw.file);
		}
		qcow2_progress(c);
	}
}
