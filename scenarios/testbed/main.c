/*
 * strata testbed: run a command in an emulated machine that has KVM, an IOMMU and NICs and a
 * drive to pass through, where this machine has not.
 */
#include <getopt.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/err.h"
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
	"  -v            show the machine's console on stderr\n"
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

static int usage(const char *what)
{
	fprintf(stderr, "%s: %s; see \"strata testbed --help\"\n", PROGRAM, what);
	return EXIT_USAGE;
}

/* A positive number, or 0. */
static unsigned int number(const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	return *end || n > 1000000 ? 0 : n;
}

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
	static const struct option options[] = {
		{"timeout", required_argument, NULL, 't'},
		{"memory", required_argument, NULL, 'm'},
		{"cpus", required_argument, NULL, 'c'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct run_config c = {
		.machine = {.memory_mb = 4096, .cpus = 2},
		.timeout_s = 600,
	};
	int opt, code;

	while ((opt = getopt_long(argc, argv, "+vh", options, NULL)) != -1) {
		switch (opt) {
		case 't':
			c.timeout_s = number(optarg);
			break;
		case 'm':
			c.machine.memory_mb = number(optarg);
			break;
		case 'c':
			c.machine.cpus = number(optarg);
			break;
		case 'v':
			c.verbose = true;
			break;
		case 'h':
			fputs(HELP, stdout);
			return EXIT_OK;
		default:
			return EXIT_USAGE;
		}
	}
	c.argv = argv + optind;
	if (!c.timeout_s || !c.machine.memory_mb || !c.machine.cpus)
		return usage("--timeout, --memory and --cpus take a positive number");
	if (!*c.argv)
		return usage("no command to run");
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
		return usage("the subcommand is \"run\"");
	argv[1] = (char *)PROGRAM; /* what getopt() calls us in its messages */
	return run(argc - 1, argv + 1);
}
