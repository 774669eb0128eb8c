/* The server's process: strata-vmm with nginx in its guest, or nginx on this kernel. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "lib/err.h"
#include "lib/guest_root.h"
#include "lib/paths.h"
#include "lib/proc.h"
#include "lib/vm.h"
#include "lib/words.h"
#include "scenarios/lab/internal.h"

#define START_MS 20000

static void add_net(struct words *w, const struct lab *lab)
{
	words_add(w, "--net");
	switch (lab->place) {
	case PLACE_EMULATED:
		words_add(w, "mode=e1000,tap=%s", lab->port);
		return;
	case PLACE_PASSTHROUGH:
		words_add(w, "mode=vfio,device=%s", lab->device);
		return;
	default:
		words_add(w, "mode=%s,tap=%s,queues=%d", place_name(lab->place), lab->port,
			  lab->cpus);
	}
}

int lab_start_vm(struct lab *lab, const struct lab_vm *vm)
{
	char vmm[PATH_MAX], kernel[PATH_MAX], initrd[PATH_MAX];
	const char *run = lab->site->run;
	struct proc_options opt = PROC_DEFAULTS;
	struct words w = {0};

	if (path_program(vmm, sizeof(vmm), "strata-vmm") ||
	    path_built(kernel, sizeof(kernel), "guest/vmlinux", "guest-image") ||
	    path_built(initrd, sizeof(initrd), vm->image ? vm->image : "guest/initrd.img",
		       vm->target ? vm->target : "guest-image"))
		return -1;
	snprintf(lab->control, sizeof(lab->control), "%s/%s", run, lab->name);
	words_add(&w, "%s", vmm);
	words_split(&w, "--rng --memory");
	words_add(&w, "%s", vm->memory ? vm->memory : "256M");
	words_add(&w, "--kernel");
	words_add(&w, "%s", kernel);
	words_add(&w, "--initrd");
	words_add(&w, "%s", initrd);
	words_add(&w, "--name");
	words_add(&w, "%s", lab->name);
	words_add(&w, "--cpus");
	words_add(&w, "%d", lab->cpus);
	add_net(&w, lab);
	if (vm->disk) {
		words_add(&w, "--disk");
		words_add(&w, "mode=virtio,file=%s", vm->disk);
	}
	words_add(&w, "--ivshmem");
	words_add(&w, "file=%s/%s-memory,size=16M", run, lab->name);
	words_add(&w, "--control");
	words_add(&w, "%s", lab->control);
	words_add(&w, "--trace-ring");
	words_add(&w, "%s/%s-ring", run, lab->name);
	words_add(&w, "--console");
	words_add(&w, "file=%s", lab->log);
	words_add(&w, "--cmdline");
	words_add(&w, "quiet strata.ip=%s/24", lab->address);
	opt.netns_fd = lab->site->host_ns;
	opt.output_path = lab->log;
	opt.death_signal = SIGTERM;
	opt.own_group = true;
	lab->server =
		words_argv(&w) ? vm_start(words_argv(&w), lab->control, &opt, START_MS) : -1;
	words_free(&w);
	return lab->server < 0 ? -1 : 0;
}

int lab_start_nginx(struct lab *lab)
{
	static const char *const argv[] = {"/usr/sbin/nginx",       "-e", "stderr", "-c",
					   "/etc/nginx/nginx.conf", NULL};
	char root[PATH_MAX];
	struct proc_options opt = PROC_DEFAULTS;

	if (path_built(lab->nginx, sizeof(lab->nginx), "guest/root/usr/sbin/nginx",
		       "guest-image") ||
	    guest_root(root, &lab->site->root_ready))
		return -1;
	opt.netns_fd = lab->place == PLACE_BARE ? lab->site->host_ns : lab->server_ns;
	opt.chroot_path = root;
	opt.output_path = lab->log;
	opt.death_signal = SIGTERM;
	opt.own_group = true;
	lab->server = proc_start(argv, &opt);
	return lab->server < 0 ? -1 : 0;
}
