/*
 * strata testbed: run a command in an emulated machine that has KVM, an IOMMU and NICs and a
 * drive to pass through, where this machine has not.
 */
#include <getopt.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/options.h"
#include "scenarios/testbed/inside.h"
#include "scenarios/testbed/run.h"

static const char PROGRAM[] = "strata-testbed";

static const char HELP[] =
	"usage: strata testbed run [OPTIONS] -- COMMAND [ARGS...]\n"
	"\n"
	"Boots an emulated machine (QEMU, no virtualization and no root "
	"needed), runs COMMAND in it\n"
	"as root in the project's folder, passes its output on as it comes, "
	"and ends with its exit\n"
	"code. The machine has KVM with nested paging, vhost, VFIO behind "
	"an IOMMU, Open vSwitch's\n"
	"datapath, three NICs on one cable, wire0, wire1, wire4, an NVMe drive, "
	"and an SR-IOV NIC if QEMU\n"
	"has one (see the manual). Its files are this machine's /usr and "
	"/etc and the project's folder:\n"
	"what it changes there is gone afterwards, except in out/.\n"
	"\n"
	"  --timeout S   end COMMAND after so many seconds (600)\n"
	"  --memory MB   memory (4096)\n"
	"  --cpus N      processors (2)\n"
	"  -v, --verbose show the machine's console on stderr\n"
	"  --help        this text\n"
	"\n"
	"STRATA_TESTBED=1 is set for COMMAND; variables named STRATA_*, "
	"LC_*, LANG, TERM and COLUMNS\n"
	"are passed on. Emulation is slow: times measured in there compare "
	"with one another, not\n"
	"with other machines'.\n"
	"\n"
	"Exit code: COMMAND's; 1 if the testbed failed or time was up, with "
	"a sentence on stderr\n"
	"that begins with \"strata-testbed:\". A machine that fails before "
	"COMMAND has written to\n"
	"stdout is started again, twice at most.\n";

/* The project is where this program was built: PROJECT/build/bin/strata-testbed. */
static int find_project(char project[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", project, PATH_MAX - 1);

	if (n < 0)
		return err_errno("/proc/self/exe");
	project[n] = '\0';
	for (int i = 0; i < 3; i++)
		dirname(project);
	return 0;
}

static int run(int argc, char **argv)
{
	static const struct option_row rows[] = {
		OPTION(UNSIGNED, "timeout", offsetof(struct run_config, timeout_s), 1, 1000000),
		OPTION(UNSIGNED, "memory", offsetof(struct run_config, machine.memory_mb), 1,
		       1000000),
		OPTION(UNSIGNED, "cpus", offsetof(struct run_config, machine.cpus), 1, 255),
		OPTION(SET, "verbose", offsetof(struct run_config, verbose), .letter = 'v'),
		OPTION(HELP, "help", .letter = 'h'),
	};
	static const struct option_table table = OPTIONS(rows, HELP, .command = true);
	struct run_config c = {
		.machine = {.memory_mb = 4096, .cpus = 2},
		.timeout_s = 600,
	};
	int code = options_read(&table, &c, argc, argv, NULL);

	c.argv = argv + optind;
	if (!code && !*c.argv)
		code = err_set("no command to run");
	if (code)
		return options_exit(code, "testbed");
	if (find_project(c.machine.project) < 0 || machine_check(&c.machine) < 0 ||
	    (code = testbed_run(&c)) < 0) {
		err_print(PROGRAM);
		return EXIT_FAILED;
	}
	return code;
}

int main(int argc, char **argv)
{
	if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		fputs(HELP, stdout);
		return EXIT_OK;
	}
	if (argc == 4 && strcmp(argv[1], "inside") == 0) {
		inside_main(argv[2], argv[3]);
		err_print(PROGRAM);
		return EXIT_FAILED;
	}
	if (argc < 2 || strcmp(argv[1], "run") != 0)
		return options_exit(err_set("the subcommand is \"run\""), "testbed");
	return run(argc - 1, argv + 1);
}
