/* Interrupts that VMs were sent: whose they are, and who announced requests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tracer/messages.h"

#define CARD 0xfee00000, 0x4025
#define DISK 0xfee01000, 0x4026

static struct messages *m;

static int open_messages(void **state)
{
	(void)state;
	m = calloc(1, sizeof(*m));
	return m ? 0 : -1;
}

static int close_messages(void **state)
{
	(void)state;
	free(m);
	return 0;
}

static void test_whose(void **state)
{
	size_t which[2] = {0};

	(void)state;
	messages_sent(m, 1, DISK, 70);
	messages_sent(m, 1, CARD, 71);
	messages_sent(m, 1, CARD, 71);
	messages_sent(m, 2, CARD, 80);
	messages_sent(m, 2, CARD, 81);
	assert_int_equal(m->count, 3);
	assert_int_equal(m->at[1].sent, 2);
	assert_int_equal(m->at[1].tid, 71);
	assert_int_equal(m->at[2].tid, 0); /* no thread's own */
	assert_int_equal(messages_of_requests(m, which, 2), 0);
	messages_announced(m, 2, CARD);
	messages_announced(m, 1, CARD);
	messages_announced(m, 1, CARD);
	messages_announced(m, 1, 0xfee00000, 0x4027); /* that nobody sent */
	assert_int_equal(messages_of_requests(m, which, 2), 2);
	assert_int_equal(which[0], 1);
	assert_int_equal(which[1], 2);
	assert_int_equal(messages_of_requests(m, which, 1), 1);
	assert_int_equal(which[0], 1);
}

static void test_where_to(void **state)
{
	const struct message a = {.address = 0xfee01000, .data = 0x4026};
	const struct message far = {.address = 0xfee2c040, .data = 0x21};

	(void)state;
	assert_int_equal(message_vector(&a), 0x26);
	assert_int_equal(message_destination(&a), 1);
	assert_int_equal(message_vector(&far), 0x21);
	assert_int_equal(message_destination(&far), 0x22c);
}

/* A guest programs as many as it likes. */
static void test_bounded(void **state)
{
	size_t which[4];

	(void)state;
	for (uint32_t data = 1; data <= MESSAGES_MAX + 5; data++) {
		messages_sent(m, 1, 0xfee00000, data, 1);
		messages_announced(m, 1, 0xfee00000, data);
	}
	assert_int_equal(m->count, MESSAGES_MAX);
	assert_int_equal(m->others, 5);
	assert_int_equal(messages_of_requests(m, which, 4), 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_whose, open_messages, close_messages),
		cmocka_unit_test_setup_teardown(test_where_to, open_messages, close_messages),
		cmocka_unit_test_setup_teardown(test_bounded, open_messages, close_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
