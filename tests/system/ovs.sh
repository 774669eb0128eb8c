# Open vSwitch for system tests in the testbed, from packages that are unpacked and not installed
# ("make ovs"). Source it after tap.sh.
#
#   ovs_needs             skips the test where there is none
#   ovs_up [dpdk]         starts the database and the switch, with DPDK's datapath besides; ovs-vsctl and
#                         the others are then in PATH and find them. Returns 1 if they do not come up.
#   ovs_down              stops them, datapath included
#   ovs_kill, ovs_start   the switch alone: dies at once, and comes again
#
# shellcheck shell=bash disable=SC2034,SC2154 # tap.sh sets top and tmp
ovs_root=$top/build/ovs

# No command waits for a switch that will not come.
ovs-vsctl() { command ovs-vsctl --timeout=60 "$@"; }

ovs_needs() {
	[ -x "$ovs_root/usr/bin/ovs-vsctl" ] || skip_all "needs Open vSwitch: make ovs"
	[ -e /sys/module/openvswitch ] || modprobe openvswitch 2>/dev/null ||
		skip_all "needs the kernel's module openvswitch"
}

ovs_start() {
	local program=$ovs_root/usr/lib/openvswitch-switch/ovs-vswitchd

	ovs_control=$OVS_RUNDIR/ovs-vswitchd.ctl

	[ "$ovs_datapath" != dpdk ] || program=$ovs_root/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk
	"$program" "unix:$OVS_RUNDIR/db.sock" --pidfile="$OVS_RUNDIR/ovs-vswitchd.pid" --unixctl="$ovs_control" \
		--log-file="$OVS_LOGDIR/vswitchd.log" -vconsole:off &
	ovs_pid=$!
	ovs-vsctl show >/dev/null && ovs-vsctl init &&
		eventually 60 ovs-appctl -t "$ovs_control" version
}

ovs_up() {
	ovs_datapath=${1:-system}
	export OVS_RUNDIR=$tmp/ovs OVS_LOGDIR=$tmp/ovs OVS_DBDIR=$tmp/ovs OVS_SYSCONFDIR=$tmp/ovs
	export OVS_PKGDATADIR=$ovs_root/usr/share/openvswitch
	export PATH=$ovs_root/usr/bin:$ovs_root/usr/sbin:$PATH
	export LD_LIBRARY_PATH=$ovs_root/usr/lib/x86_64-linux-gnu:$ovs_root/lib/x86_64-linux-gnu
	mkdir -p "$OVS_RUNDIR"
	ovsdb-tool create "$OVS_DBDIR/conf.db" "$OVS_PKGDATADIR/vswitch.ovsschema" || return 1
	ovsdb-server "$OVS_DBDIR/conf.db" --remote="punix:$OVS_RUNDIR/db.sock" --pidfile="$OVS_RUNDIR/ovsdb-server.pid" \
		--log-file="$OVS_LOGDIR/ovsdb.log" -vconsole:off &
	ovs_db_pid=$!
	eventually 20 test -S "$OVS_RUNDIR/db.sock" && ovs-vsctl --no-wait init || return 1
	if [ "$ovs_datapath" = dpdk ]; then
		# Without devices of its own: what it is to serve is a guest. Its thread polls; where there are
		# two processors for all of this, it sleeps a little when there is nothing.
		# Plugins are refused from below a folder that others may write to, as a checkout in /tmp is.
		ovs_plugins=$(mktemp -d /run/strata-ovs.XXXXXX)
		cp -L "$ovs_root"/usr/lib/x86_64-linux-gnu/dpdk/pmds-23.0/*.so* "$ovs_plugins"
		mountpoint -q /dev/hugepages || mount -t hugetlbfs hugetlbfs /dev/hugepages
		echo 192 >/proc/sys/vm/nr_hugepages
		ovs-vsctl --no-wait set Open_vSwitch . other_config:dpdk-init=true other_config:pmd-cpu-mask=0x2 \
			other_config:dpdk-socket-mem=256 other_config:pmd-maxsleep=200 \
			"other_config:dpdk-extra=--no-pci -d $ovs_plugins"
	fi
	ovs_start
}

ovs_kill() {
	kill -9 "$ovs_pid"
	wait "$ovs_pid" 2>/dev/null
}

ovs_down() {
	local bridge

	for bridge in $(ovs-vsctl list-br); do
		ovs-vsctl del-br "$bridge"
	done
	kill "$ovs_pid" "$ovs_db_pid" 2>/dev/null
	wait "$ovs_pid" "$ovs_db_pid" 2>/dev/null
	ovs-dpctl del-dp ovs-system 2>/dev/null
	[ -z "${ovs_plugins:-}" ] || rm -r "$ovs_plugins"
}
