/*
 * Open vSwitch for one laboratory: database and switch of its own, in the host's namespace,
 * with the kernel's datapath. From the installed package, or from one that is only unpacked
 * ("make ovs"). It ends with us, and its datapath with the namespace.
 */
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/paths.h"
#include "lib/proc.h"
#include "lib/words.h"
#include "scenarios/lab/internal.h"

#define STEP_MS 60000
#define STOP_MS 3000

/* Where the package's parts are, below its root: "" or the folder it was unpacked to. */
#define SCHEMA "/usr/share/openvswitch/vswitch.ovsschema"
#define DAEMON "/usr/lib/openvswitch-switch/ovs-vswitchd"

static int find_root(char root[PATH_MAX])
{
	root[0] = '\0';
	if (!access(SCHEMA, R_OK) && !access(DAEMON, X_OK))
		return 0;
	return path_built(root, PATH_MAX, "ovs", "ovs")
		       ? err_add("Open vSwitch (Debian's openvswitch-switch) is not installed, "
				 "nor unpacked")
		       : 0;
}

/* For its programs, whoever starts them: the tracer asks ovs-vsctl, too. */
static int set_environment(const struct lab_site *site, const char *root)
{
	static const char *const folders[] = {"OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR",
					      "OVS_SYSCONFDIR"};
	char path[3 * PATH_MAX], run[PATH_MAX];
	const char *old = getenv("PATH");

	if (!realpath(site->run, run))
		return err_errno("%s", site->run);
	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++)
		setenv(folders[i], run, 1);
	if (!*root)
		return 0;
	snprintf(path, sizeof(path), "%s/usr/bin:%s/usr/sbin:%s", root, root, old ? old : "");
	setenv("PATH", path, 1);
	snprintf(path, sizeof(path), "%s/usr/lib/x86_64-linux-gnu:%s/lib/x86_64-linux-gnu",
		 root, root);
	setenv("LD_LIBRARY_PATH", path, 1);
	return 0;
}

/* Run a command line to its end; a and b, which may hold spaces, are its last words. */
static int run(const char *line, const char *a, const char *b)
{
	struct words w = {0};
	int result;

	words_split(&w, line);
	if (a)
		words_add(&w, "%s", a);
	if (b)
		words_add(&w, "%s", b);
	result = words_argv(&w) ? proc_run(words_argv(&w), NULL, STEP_MS, NULL) : -1;
	words_free(&w);
	return result;
}

static int create_database(const char *schema)
{
	char words[PATH_MAX + 64];

	snprintf(words, sizeof(words), "%s/conf.db", getenv("OVS_DBDIR"));
	unlink(words);
	return run("ovsdb-tool create", words, schema);
}

int lab_ovs(const char *what, const char *port)
{
	char line[64];

	snprintf(line, sizeof(line), "ovs-vsctl --timeout=60 %s br0", what);
	return run(line, port, NULL);
}

/* Start one of its daemons beside the bridge. */
static pid_t start(const struct lab_site *site, struct words *w)
{
	struct proc_options opt = PROC_DEFAULTS;
	char log[320];
	pid_t pid;

	snprintf(log, sizeof(log), "%s/ovs.log", site->folder);
	opt.netns_fd = site->host_ns;
	opt.output_path = log;
	opt.death_signal = SIGTERM;
	opt.own_group = true;
	pid = words_argv(w) ? proc_start(words_argv(w), &opt) : -1;
	words_free(w);
	return pid;
}

static int start_database(struct lab_site *site)
{
	struct words w = {0};

	words_add(&w, "ovsdb-server");
	words_add(&w, "%s/conf.db", getenv("OVS_DBDIR"));
	words_add(&w, "--remote=punix:%s/db.sock", getenv("OVS_RUNDIR"));
	site->ovs_database = start(site, &w);
	/* waits until it answers */
	return site->ovs_database < 0
		       ? -1
		       : run("ovs-vsctl --timeout=30 --no-wait init", NULL, NULL);
}

static int start_switch(struct lab_site *site, const char *root)
{
	struct words w = {0};

	words_add(&w, "%s" DAEMON, root);
	words_add(&w, "unix:%s/db.sock", getenv("OVS_RUNDIR"));
	words_add(&w, "--unixctl=%s/vswitchd.ctl", getenv("OVS_RUNDIR"));
	site->ovs_switch = start(site, &w);
	return site->ovs_switch < 0 ? -1 : lab_ovs("add-br", NULL);
}

int lab_ovs_start(struct lab_site *site)
{
	char root[PATH_MAX], schema[PATH_MAX + 64];

	if (find_root(root) || set_environment(site, root))
		return -1;
	if (access("/sys/module/openvswitch", F_OK) && run("modprobe openvswitch", NULL, NULL))
		return -1;
	snprintf(schema, sizeof(schema), "%s" SCHEMA, root);
	if (create_database(schema) || start_database(site) || start_switch(site, root))
		return err_add("start Open vSwitch (its log: %s/ovs.log)", site->folder);
	return 0;
}

void lab_ovs_stop(struct lab_site *site)
{
	proc_end(site->ovs_switch, SIGTERM, STOP_MS);
	proc_end(site->ovs_database, SIGTERM, STOP_MS);
	site->ovs_switch = site->ovs_database = 0;
}
