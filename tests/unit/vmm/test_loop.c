/* The event loop's promises to other threads: calls run there, a removed source is quiet. */
#include "tests/unit/vmm/cmocka.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "vmm/loop.h"

struct counter {
	struct loop_source source;
	_Atomic int events;
	_Atomic int tid;
};

static void count(struct loop_source *s, uint32_t events)
{
	struct counter *c = s->owner;
	uint64_t n;

	assert_true(events & EPOLLIN);
	assert_int_equal(read(s->fd, &n, sizeof(n)), sizeof(n));
	c->tid = gettid();
	c->events++;
}

static void ring(int fd)
{
	uint64_t one = 1;

	assert_int_equal(write(fd, &one, sizeof(one)), sizeof(one));
}

static void note_tid(void *arg)
{
	*(int *)arg = gettid();
}

static void calls_run_on_its_thread(void **state)
{
	struct loop *l = loop_create("test");
	int tid = 0;

	(void)state;
	loop_call(l, note_tid, &tid); /* not started: here */
	assert_int_equal(tid, gettid());
	assert_int_equal(loop_start(l), 0);
	loop_call(l, note_tid, &tid);
	assert_int_not_equal(tid, gettid());
	assert_int_equal(tid, loop_tid(l));
	loop_stop(l);
	loop_call(l, note_tid, &tid); /* stopped: here again */
	assert_int_equal(tid, gettid());
	loop_destroy(l);
}

static void sources_are_served_until_removed(void **state)
{
	struct loop *l = loop_create("test");
	struct counter c = {
		.source = {.fd = eventfd(0, EFD_NONBLOCK), .ready = count, .owner = &c}};
	int before;

	(void)state;
	assert_int_equal(loop_add(l, &c.source, EPOLLIN), 0);
	assert_int_equal(loop_start(l), 0);
	for (int i = 1; i <= 100; i++) {
		ring(c.source.fd);
		while (c.events < i)
			sched_yield();
	}
	assert_int_equal(c.tid, loop_tid(l));
	ring(c.source.fd);
	loop_remove(l, &c.source);
	before = c.events;
	ring(c.source.fd);
	loop_call(l, note_tid, &(int){0}); /* one full turn of the loop */
	assert_int_equal(c.events, before);
	loop_destroy(l);
	close(c.source.fd);
}

struct pair {
	struct loop *loop;
	struct counter a, b;
	_Atomic int first_done;
};

/* Whichever of the two is served first removes both. */
static void remove_both(struct loop_source *s, uint32_t events)
{
	struct pair *p = s->owner;

	(void)events;
	p->first_done++;
	loop_remove(p->loop, &p->a.source);
	loop_remove(p->loop, &p->b.source);
}

static void a_callback_may_remove_its_neighbour(void **state)
{
	struct pair p = {.loop = loop_create("test")};

	(void)state;
	p.a.source = (struct loop_source){eventfd(1, 0), remove_both, &p};
	p.b.source = (struct loop_source){eventfd(1, 0), remove_both, &p};
	assert_int_equal(loop_add(p.loop, &p.a.source, EPOLLIN), 0);
	assert_int_equal(loop_add(p.loop, &p.b.source, EPOLLIN), 0);
	assert_int_equal(loop_start(p.loop), 0); /* both are ready: one batch */
	while (!p.first_done)
		sched_yield();
	loop_call(p.loop, note_tid, &(int){0});
	assert_int_equal(p.first_done, 1);
	loop_destroy(p.loop);
	close(p.a.source.fd);
	close(p.b.source.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_run_on_its_thread),
		cmocka_unit_test(sources_are_served_until_removed),
		cmocka_unit_test(a_callback_may_remove_its_neighbour),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
