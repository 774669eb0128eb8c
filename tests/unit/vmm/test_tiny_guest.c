/*
 * Whole machines with guests of a few bytes of code, on the real KVM: from the options to the
 * exit. Runs natively even where KVM merely interprets; skipped where there is none.
 */
#include "tests/unit/vmm/cmocka.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/err.h"
#include "tests/unit/vmm/kernel_image.h"
#include "vmm/cleanup.h"
#include "vmm/console.h"
#include "vmm/control.h"
#include "vmm/kvm.h"
#include "vmm/machine.h"
#include "vmm/options.h"

#define ENOUGH_MS 20000

struct fixture {
	struct options options;
	struct machine machine;
	char *kernel;
};

/* Start a machine around this code; extra is one more option. */
static void start(struct fixture *f, const uint8_t *code, size_t bytes, const char *extra)
{
	size_t size;
	uint8_t *image = image_elf(code, bytes, &size);
	char *argv[] = {"vmm",
			"--kernel",
			f->kernel = image_file(image, size),
			"--memory=4M",
			"--debug-exit",
			(char *)(extra ? extra : "--cpus=1"),
			"--console=none",
			NULL};
	int argc = extra && strstr(extra, "--console") ? 6 : 7;

	free(image);
	if (options_parse(&f->options, argc, argv) ||
	    machine_create(&f->machine, &f->options) || machine_start(&f->machine))
		fail_msg("%s", err_text());
}

static void wait_for_end(struct fixture *f)
{
	struct pollfd p = {.fd = f->machine.end_fd, .events = POLLIN};

	assert_int_equal(poll(&p, 1, ENOUGH_MS), 1);
}

static void stop(struct fixture *f)
{
	machine_destroy(&f->machine);
	options_free(&f->options);
	unlink(f->kernel);
	free(f->kernel);
}

static json_t *ask(struct fixture *f, const char *request)
{
	char *text = control_answer(&f->machine, request, strlen(request));
	json_t *reply = json_loads(text, 0, NULL);

	free(text);
	assert_non_null(reply);
	return reply;
}

static bool answers_ok(struct fixture *f, const char *request)
{
	json_t *reply = ask(f, request);
	bool ok = json_is_true(json_object_get(reply, "ok"));

	json_decref(reply);
	return ok;
}

static bool held(struct fixture *f, int vcpu)
{
	bool held;

	pthread_mutex_lock(&f->machine.lock);
	held = f->machine.vcpus[vcpu].held;
	pthread_mutex_unlock(&f->machine.lock);
	return held;
}

/* mov dx, PORT; mov al, VALUE; out dx, al */
#define OUT(port, value) 0x66, 0xba, (port)&0xff, (port) >> 8, 0xb0, value, 0xee
#define HALT             0xfa, 0xf4 /* cli; hlt */
#define FOREVER          0xeb, 0xfe /* jmp . */

static void a_guest_writes_to_its_console(void **state)
{
	static const uint8_t code[] = {OUT(0x3f8, 'o'), OUT(0x3f8, 'k'), OUT(0xf4, 0), HALT};
	struct fixture f;
	char text[64];

	(void)state;
	start(&f, code, sizeof(code), NULL);
	wait_for_end(&f);
	assert_int_equal(f.machine.end, MACHINE_POWEROFF);
	assert_string_equal(console_quote(f.machine.console, text, sizeof(text), NULL, 3),
			    "ok");
	stop(&f);
}

static void a_guest_reports_failure(void **state)
{
	static const uint8_t code[] = {OUT(0xf4, 7), HALT};
	struct fixture f;

	(void)state;
	start(&f, code, sizeof(code), NULL);
	wait_for_end(&f);
	assert_int_equal(f.machine.end, MACHINE_FAILED);
	assert_non_null(strstr(f.machine.end_text, "failure 7"));
	stop(&f);
}

static void a_guest_finds_its_start_info(void **state)
{
	/* mov eax, [ebx]; cmp eax, magic; setne al; out 0xf4 */
	static const uint8_t code[] = {0x8b, 0x03, 0x3d, 0x78, 0xc5, 0x6e, 0x33, 0x0f,
				       0x95, 0xc0, 0x66, 0xba, 0xf4, 0,    0xee, HALT};
	struct fixture f;

	(void)state;
	start(&f, code, sizeof(code), NULL);
	wait_for_end(&f);
	if (f.machine.end != MACHINE_POWEROFF)
		fail_msg("%s", f.machine.end_text);
	stop(&f);
}

static void a_guest_switches_off_by_acpi(void **state)
{
	/* mov dx, 0x604; mov ax, S5 | SLP_EN; out dx, ax */
	static const uint8_t code[] = {0x66, 0xba, 0x04, 0x06, 0x66, 0xb8,
				       0x00, 0x34, 0x66, 0xef, HALT};
	struct fixture f;

	(void)state;
	start(&f, code, sizeof(code), NULL);
	wait_for_end(&f);
	assert_int_equal(f.machine.end, MACHINE_POWEROFF);
	stop(&f);
}

static void panics_and_resets_are_told_apart(void **state)
{
	static const uint8_t panic[] = {OUT(0x505, 1), HALT}, reset[] = {OUT(0xcf9, 6), HALT};
	static const uint8_t keyboard[] = {OUT(0x64, 0xfe), HALT};
	struct fixture f;

	(void)state;
	start(&f, panic, sizeof(panic), NULL);
	wait_for_end(&f);
	assert_int_equal(f.machine.end, MACHINE_PANIC);
	stop(&f);
	start(&f, reset, sizeof(reset), NULL);
	wait_for_end(&f);
	assert_int_equal(f.machine.end, MACHINE_REBOOT);
	stop(&f);
	start(&f, keyboard, sizeof(keyboard), NULL);
	wait_for_end(&f);
	assert_int_equal(f.machine.end, MACHINE_REBOOT);
	stop(&f);
}

static void a_reset_after_a_panic_message_is_a_panic(void **state)
{
	uint8_t code[7 * 64];
	const char *text = GUEST_PANIC_TEXT ": x";
	const uint8_t end[] = {OUT(0xcf9, 6), HALT};
	struct fixture f;
	size_t n = 0;

	(void)state;
	for (; *text; text++, n += 7)
		memcpy(code + n, (const uint8_t[]){OUT(0x3f8, (uint8_t)*text)}, 7);
	memcpy(code + n, end, sizeof(end));
	start(&f, code, n + sizeof(end), NULL);
	wait_for_end(&f);
	assert_int_equal(f.machine.end, MACHINE_PANIC);
	stop(&f);
}

static void a_running_guest_is_held_and_let_go(void **state)
{
	static const uint8_t code[] = {FOREVER};
	struct fixture f;
	json_t *status;

	(void)state;
	start(&f, code, sizeof(code), NULL);
	assert_true(answers_ok(&f, "{\"do\":\"pause\"}"));
	assert_true(answers_ok(&f, "{\"do\":\"pause\"}"));
	assert_true(held(&f, 0));
	status = ask(&f, "{\"do\":\"status\"}");
	assert_string_equal(json_string_value(json_object_get(status, "state")), "paused");
	json_decref(status);
	assert_true(answers_ok(&f, "{\"do\":\"resume\"}"));
	status = ask(&f, "{\"do\":\"status\"}");
	assert_string_equal(json_string_value(json_object_get(status, "state")), "running");
	assert_int_equal(json_array_size(json_object_get(status, "vcpus")), 1);
	assert_true(json_integer_value(json_object_get(status, "memory_bytes")) == 4 << 20);
	assert_true(json_integer_value(json_object_get(status, "own_memory_bytes")) > 0);
	json_decref(status);
	assert_true(answers_ok(&f, "{\"do\":\"counters\"}"));
	assert_true(answers_ok(&f, "{\"do\":\"quit\"}"));
	wait_for_end(&f);
	assert_int_equal(f.machine.end, MACHINE_QUIT);
	assert_false(answers_ok(&f, "{\"do\":\"pause\"}"));
	stop(&f);
}

static void a_paused_guest_can_be_ended(void **state)
{
	static const uint8_t code[] = {FOREVER};
	struct fixture f;

	(void)state;
	start(&f, code, sizeof(code), "--cpus=2");
	assert_true(answers_ok(&f, "{\"do\":\"pause\"}"));
	assert_true(held(&f, 1)); /* though it waits for its start-up interrupt */
	stop(&f);
}

/* Its console goes into a pipe that is full: the guest waits, but whoever ends it does not. */
static void a_console_nobody_reads_does_not_hold_us(void **state)
{
	/* mov dx, 0x3f8; out dx, al; jmp back */
	static const uint8_t code[] = {0x66, 0xba, 0xf8, 0x03, 0xee, 0xeb, 0xfd};
	char path[] = "/tmp/strata-fifo-XXXXXX", option[64];
	struct fixture f;
	struct pollfd full = {.events = POLLOUT};
	int fd;

	(void)state;
	close(mkstemp(path));
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	fd = open(path, O_RDWR);
	full.fd = fd;
	snprintf(option, sizeof(option), "--console=file=%s", path);
	start(&f, code, sizeof(code), option);
	while (poll(&full, 1, 0) > 0)
		;
	assert_false(answers_ok(&f, "{\"do\":\"pause\"}"));
	stop(&f);
	close(fd);
	unlink(path);
}

static void shared_memory_is_shared(void **state)
{
	/* Find BAR 2 of slot 1 (low half), turn it on, put it at 0xd0000000, write 0x2a there.
	 */
	static const uint8_t code[] = {
		0x66,         0xba, 0xf8, 0x0c, 0xb8, 0x18, 0x08, 0,
		0x80,         0xef, /* address: BAR 2 */
		0x66,         0xba, 0xfc, 0x0c, 0xb8, 0,    0,    0,
		0xd0,         0xef, /* = 0xd0000000 */
		0x66,         0xba, 0xf8, 0x0c, 0xb8, 0x1c, 0x08, 0,
		0x80,         0xef,                               /* its upper half */
		0x66,         0xba, 0xfc, 0x0c, 0x31, 0xc0, 0xef, /* = 0 */
		0x66,         0xba, 0xf8, 0x0c, 0xb8, 0x04, 0x08, 0,
		0x80,         0xef,                               /* command */
		0x66,         0xba, 0xfc, 0x0c, 0xb0, 0x02, 0xee, /* memory on */
		0xc6,         0x05, 0,    0,    0,    0xd0, 0x2a, /* mov [..], 0x2a */
		OUT(0xf4, 0), HALT};
	struct fixture f;
	json_t *status, *devices;
	const char *path;
	FILE *file;

	(void)state;
	start(&f, code, sizeof(code), "--ivshmem=size=64K");
	wait_for_end(&f);
	assert_int_equal(f.machine.end, MACHINE_POWEROFF);
	status = ask(&f, "{\"do\":\"status\"}");
	devices = json_object_get(status, "devices");
	path = json_string_value(
		json_object_get(json_array_get(devices, json_array_size(devices) - 1), "path"));
	assert_non_null(path);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_int_equal(fgetc(file), 0x2a);
	fclose(file);
	json_decref(status);
	stop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_guest_writes_to_its_console),
		cmocka_unit_test(a_guest_reports_failure),
		cmocka_unit_test(a_guest_finds_its_start_info),
		cmocka_unit_test(a_guest_switches_off_by_acpi),
		cmocka_unit_test(panics_and_resets_are_told_apart),
		cmocka_unit_test(a_reset_after_a_panic_message_is_a_panic),
		cmocka_unit_test(a_running_guest_is_held_and_let_go),
		cmocka_unit_test(a_paused_guest_can_be_ended),
		cmocka_unit_test(a_console_nobody_reads_does_not_hold_us),
		cmocka_unit_test(shared_memory_is_shared),
	};
	int fd = kvm_open();

	if (fd < 0) {
		fprintf(stderr, "skipped: %s\n", err_text());
		return EXIT_SKIPPED;
	}
	close(fd);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
