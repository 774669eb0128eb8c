/* The event loop's promises to other threads: calls run there, a removed source is quiet. */
#include "tests/unit/vmm/cmocka.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/now.h"
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

struct expiry {
	struct loop_timer timer;
	struct loop *loop;
	_Atomic int count, order;
	_Atomic uint64_t at_ns;
};

static _Atomic int expiries;

static void note_expiry(struct loop_timer *t)
{
	struct expiry *e = t->owner;

	e->at_ns = now_ns();
	e->order = ++expiries;
	e->count++;
}

struct setting {
	struct expiry *expiry;
	uint64_t due_ns;
};

static void set(void *arg)
{
	struct setting *s = arg;

	loop_set_timer(s->expiry->loop, &s->expiry->timer, s->due_ns);
}

static void timers_expire_once_in_order_unless_cleared(void **state)
{
	struct loop *l = loop_create("test");
	struct expiry e[3];
	uint64_t now = now_ns();

	(void)state;
	for (int i = 0; i < 3; i++)
		e[i] = (struct expiry){.timer = {.expired = note_expiry, .owner = &e[i]},
				       .loop = l};
	set(&(struct setting){&e[0], now + 30000000});
	set(&(struct setting){&e[1], now + 1000000});
	set(&(struct setting){&e[2], now + 2000000});
	set(&(struct setting){&e[2], 0});
	set(&(struct setting){&e[2], 0}); /* it is not set: nothing */
	assert_int_equal(loop_start(l), 0);
	while (!e[0].count)
		sched_yield();
	assert_int_equal(e[0].count, 1);
	assert_int_equal(e[1].count, 1);
	assert_int_equal(e[2].count, 0);
	assert_true(e[1].order < e[0].order);
	assert_true(e[0].at_ns >= now + 30000000);
	assert_true(e[1].at_ns >= now + 1000000);
	/* put off while the loop waits for it, and set again after it has expired */
	now = now_ns();
	loop_call(l, set, &(struct setting){&e[2], now + 1000000000000});
	loop_call(l, set, &(struct setting){&e[0], now + 1000000});
	while (e[0].count < 2)
		sched_yield();
	loop_call(l, set, &(struct setting){&e[2], now + 2000000});
	while (!e[2].count)
		sched_yield();
	loop_destroy(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_run_on_its_thread),
		cmocka_unit_test(sources_are_served_until_removed),
		cmocka_unit_test(a_callback_may_remove_its_neighbour),
		cmocka_unit_test(timers_expire_once_in_order_unless_cleared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
