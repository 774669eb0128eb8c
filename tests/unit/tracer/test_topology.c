/*
 * From what a VMM says of itself to what the probes watch: the mode, the doorbells, which
 * interrupt tells of frames, whose threads are whose. The tap is the loopback device, which is
 * everywhere.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/err.h"
#include "lib/netns.h"
#include "lib/ring.h"
#include "tracer/topology.h"
#include "tracer/topology_agent.h"
#include "tracer/topology_links.h"

static struct topology t;

static int setup(void **state)
{
	int here = netns_of_pid(0);

	(void)state;
	topology_init(&t);
	/* an uplink that is given: none is looked for */
	assert_int_equal(topology_add_device(&t, here, "lo", ROLE_UPLINK, 0), 0);
	close(here);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	topology_free(&t);
	return 0;
}

/* A VM with these devices: JSON with ' for ". */
static int take(const char *devices)
{
	char text[4096];
	json_t *status;
	int result;

	snprintf(text, sizeof(text),
		 "{'name':'web','pid':%d,'trace_ring':'/run/ring',"
		 "'vcpus':[{'tid':11,'tsc_offset':-5},{'tid':12,'tsc_offset':-5}],"
		 "'devices':[%s]}",
		 getpid(), devices);
	for (char *c = text; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	status = json_loads(text, 0, NULL);
	assert_non_null(status);
	result = topology_take_status(&t, status);
	json_decref(status);
	return result;
}

#define VIRTIO_PCI                                                                          \
	"'pci':{'intx_gsi':17,'doorbells':[{'address':'0xc0003000','offset':12288},"        \
	"{'address':'0xc0003004','offset':12292},{'address':'0xc0003008','offset':12296}]," \
	"'msix':[{'vector':0,'address':'0xfee00000','data':33},"                            \
	"{'vector':1,'address':'0xfee00000','data':34},"                                    \
	"{'vector':2,'address':'0xfee01000','data':35}]}"

#define VIRTIO_QUEUES                                                                    \
	"'active_pairs':1,'virtqueues':[{'index':0,'vector':1,'doorbell_offset':12288}," \
	"{'index':1,'vector':2,'doorbell_offset':12292},"                                \
	"{'index':2,'vector':null,'doorbell_offset':12296}]"

static void expect_virtio(const struct probes_vm *p)
{
	assert_int_equal(p->kick_count, 1);
	assert_int_equal(p->kicks[0].gpa, 0xc0003004);
	assert_int_equal(p->kicks[0].queue, 1);
	assert_true(p->kicks[0].ioeventfd);
	assert_int_equal(p->irq_count, 3);
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(p->irqs[i].data, 33 + i);
		assert_int_equal(p->irqs[i].receive, i == 1);
	}
	assert_int_equal(p->irqs[2].address, 0xfee01000);
}

static void test_virtio(void **state)
{
	const struct topology_vm *vm = &t.vms[0];

	(void)state;
	assert_int_equal(take("{'type':'ivshmem','path':'/run/memory'},"
			      "{'type':'net','mode':'virtio','tap':'lo'," VIRTIO_QUEUES
			      "," VIRTIO_PCI "}"),
			 0);
	assert_int_equal(t.place, PLACE_VIRTIO);
	assert_string_equal(t.mode, "virtio");
	assert_int_equal(t.vm_count, 1);
	assert_int_equal(vm->probes.vm, 1);
	assert_int_equal(vm->probes.tgid, (uint32_t)getpid());
	assert_int_equal(vm->probes.vcpus, 2);
	assert_int_equal(vm->probes.vcpu_tids[1], 12);
	assert_int_equal(vm->tsc_offset, -5);
	assert_non_null(strstr(vm->ring_path, "/root/run/ring"));
	assert_non_null(strstr(vm->agent, "/root/run/memory"));
	expect_virtio(&vm->probes);
	assert_int_equal(vm->probes.worker_count, 0);
}

static void test_vhost(void **state)
{
	(void)state;
	assert_int_equal(
		take("{'type':'net','mode':'vhost','tap':'lo','vhost_workers':[77,78]," VIRTIO_QUEUES
		     "," VIRTIO_PCI "}"),
		0);
	assert_int_equal(t.place, PLACE_VHOST);
	expect_virtio(&t.vms[0].probes);
	assert_int_equal(t.vms[0].probes.worker_count, 2);
	assert_int_equal(t.vms[0].probes.workers[1], 78);
}

/* The line is the card's; the disk's messages are another's. */
static void test_emulated(void **state)
{
	const struct probes_vm *p = &t.vms[0].probes;

	(void)state;
	assert_int_equal(
		take("{'type':'net','mode':'e1000','tap':'lo','doorbell':{'bar':0,'offset':14360},"
		     "'pci':{'intx_gsi':19,'bars':[{'bar':1,'address':'0x1000'},"
		     "{'bar':0,'address':'0xc0000000'}],'msix':[]}},"
		     "{'type':'disk','mode':'virtio'," VIRTIO_PCI "}"),
		0);
	assert_int_equal(t.place, PLACE_EMULATED);
	assert_int_equal(p->kick_count, 1);
	assert_int_equal(p->kicks[0].gpa, 0xc0003818);
	assert_false(p->kicks[0].ioeventfd);
	assert_int_equal(p->irq_count, 4);
	assert_int_equal(p->irqs[0].address, 0);
	assert_int_equal(p->irqs[0].data, 19);
	assert_true(p->irqs[0].receive);
	for (unsigned int i = 1; i < 4; i++)
		assert_false(p->irqs[i].receive);
}

/* No port, and nothing is known of what its vectors are for. */
static void test_passthrough(void **state)
{
	const struct probes_vm *p = &t.vms[0].probes;

	(void)state;
	assert_int_equal(take("{'type':'net','mode':'vfio','device':'0000:03:10.0',"
			      "'pci':{'intx_gsi':18,'msix':[{'vector':0,'address':'0xfee00000',"
			      "'data':40}]}}"),
			 0);
	assert_int_equal(t.place, PLACE_PASSTHROUGH);
	assert_null(topology_find(&t, ROLE_PORT));
	assert_string_equal(t.switch_kind, "none");
	assert_int_equal(p->passed_count, 1);
	assert_string_equal(p->passed[0], "0000:03:10.0");
	assert_int_equal(p->irq_count, 0);
}

/* The first card decides. */
static void test_two_cards(void **state)
{
	(void)state;
	assert_int_equal(take("{'type':'net','mode':'vfio','device':'0000:03:10.0'},"
			      "{'type':'net','mode':'virtio','tap':'lo'," VIRTIO_QUEUES
			      "," VIRTIO_PCI "},"
			      "{'type':'net','mode':'vfio','device':'0000:03:10.1'}"),
			 0);
	assert_int_equal(t.place, PLACE_PASSTHROUGH);
	assert_int_equal(t.vms[0].probes.passed_count, 2);
	assert_int_equal(t.vms[0].probes.kick_count, 0);
	for (unsigned int i = 0; i < t.vms[0].probes.irq_count; i++)
		assert_false(t.vms[0].probes.irqs[i].receive);
}

static void test_refusals(void **state)
{
	(void)state;
	assert_int_equal(take("{'type':'disk','mode':'virtio'}"), -1);
	assert_non_null(strstr(err_text(), "VM web has no network card"));
	assert_int_equal(take("{'type':'net','mode':'vhost-user'}"), -1);
	assert_non_null(strstr(err_text(), "mode vhost-user"));
	assert_int_equal(t.vm_count, 0);
	assert_int_equal(take("{'type':'net','mode':'vfio','device':'0000:03:10.0'}"), 0);
	assert_int_equal(take("{'type':'net','mode':'virtio','tap':'lo'}"), -1);
	assert_non_null(strstr(err_text(), "one after the other"));
	assert_int_equal(t.vm_count, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* QEMU's command line, as people write it and as libvirt does. */
static void test_words(void **state)
{
	char value[16];

	(void)state;
	assert_true(word_value("virtserialport,chardev=c0,name=strata.agent", "name", value,
			       sizeof(value)));
	assert_string_equal(value, "strata.agent");
	assert_true(word_value("{\"driver\":\"x\", \"guest-cid\": 7}", "guest-cid", value,
			       sizeof(value)));
	assert_string_equal(value, "7");
	assert_true(word_value("socket,myid=1,id=c0,path=/a", "id", value, sizeof(value)));
	assert_string_equal(value, "c0");
	assert_false(word_value("socket,id=", "id", value, sizeof(value)));
	assert_false(word_value("socket,idle=1", "id", value, sizeof(value)));
	assert_false(word_value("socket,id=much-too-long-for-this", "id", value, 8));
}

/* A socket that a VMM was given by its number. */
static void test_socket_path(void **state)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), pipes[2];
	char path[128];

	(void)state;
	snprintf(a.sun_path, sizeof(a.sun_path), "/tmp/test_topology.%d", getpid());
	unlink(a.sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_true(socket_path(getpid(), fd, path, sizeof(path)));
	assert_string_equal(path, a.sun_path);
	assert_int_equal(pipe(pipes), 0);
	assert_false(socket_path(getpid(), pipes[0], path, sizeof(path)));
	unlink(a.sun_path);
	close(fd);
	close(pipes[0]);
	close(pipes[1]);
}

/* An agent's ring in memory that the VMM maps. */
static void test_agent_memory(void **state)
{
	struct topology_vm vm = {.pid = getpid()};
	size_t bytes = ring_bytes(1, 64);
	int fd = memfd_create("ivshmem", 0);
	struct ring r;
	void *memory;

	(void)state;
	if (geteuid())
		skip();
	assert_int_equal(ftruncate(fd, (off_t)bytes), 0);
	memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	topology_find_agent(&vm);
	assert_string_equal(vm.agent, "");
	assert_int_equal(ring_create(&r, memory, bytes, 1, 64), 0);
	topology_find_agent(&vm);
	assert_non_null(strstr(vm.agent, "/map_files/"));
	munmap(memory, bytes);
	close(fd);
}

/* A VLAN's device stands for the card below it, if that is here. */
static void test_vlan(void **state)
{
	json_t *links = json_loads(
		"[{\"ifname\":\"eth0\"},{\"ifname\":\"eth0.5\",\"link\":\"eth0\",\"linkinfo\":{\"info_kind\":\"vlan\"}},"
		"{\"ifname\":\"q\",\"link\":\"eth0.5\",\"linkinfo\":{\"info_kind\":\"vlan\"}},"
		"{\"ifname\":\"far\",\"link\":\"eth0\",\"link_netnsid\":0,\"linkinfo\":{\"info_kind\":\"vlan\"}},"
		"{\"ifname\":\"veth\",\"link\":\"eth0\",\"linkinfo\":{\"info_kind\":\"veth\"}}]",
		0, NULL);
	static const char *const below[][2] = {
		{"eth0", "eth0"}, {"eth0.5", "eth0"}, {"q", "eth0"},
		{"far", "far"},   {"veth", "veth"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(below) / sizeof(below[0]); i++)
		assert_string_equal(
			link_text(link_below(links, link_find(links, below[i][0], 0)),
				  "ifname"),
			below[i][1]);
	json_decref(links);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_virtio),      TEST(test_vhost),       TEST(test_emulated),
		TEST(test_passthrough), TEST(test_two_cards),   TEST(test_refusals),
		TEST(test_words),       TEST(test_socket_path), TEST(test_agent_memory),
		TEST(test_vlan),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
