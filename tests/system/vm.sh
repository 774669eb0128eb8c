# For system tests that run guests under strata-vmm, inside the testbed or on a machine that has
# KVM. Source it after tap.sh.
#
#   vm_start NAME OPTION...    starts a guest; its console, log and socket are $tmp/NAME.*
#   vm_await NAME REGEX        waits until its console says so, at most a minute (of an idle machine)
#   vm_ask NAME REQUEST        asks its control socket, prints the reply
#   vm_field NAME JQ           a field of its status
#   vm_await_end NAME          waits until it is over, at most half a minute (as well); its exit code
#   vm_off NAME                presses the power button and does the same
#   vm_script FILE [IMAGE]     puts a script from its standard input into the guest as /test;
#                              FILE is the initrd to start it with, strata.exec="sh /test" runs it;
#                              IMAGE is the guest's initrd if it is not the usual one
#   vm_bridge TAP...           makes the bridge strata-b0 with 10.77.0.1 and taps on it
#
#   vm_on_exit COMMAND         runs when the test ends, however it ends; newest first
#
# Give --cmdline "$VM_CMDLINE ...": it makes a nested guest boot faster, without self-tests that take a second.
# shellcheck shell=bash disable=SC2034,SC2154 # the tests use them; tap.sh sets tmp
VM_CMDLINE="pci=noearly cryptomgr.notests initcall_blacklist=jent_mod_init,crypto_kdf108_init"
busybox=$PWD/build/guest/root/usr/bin/busybox
declare -A vm_pid
vm_exit=()

vm_on_exit() { vm_exit=("$1" "${vm_exit[@]}"); }

# A guest that is gone before its time: what it and its VMM said.
vm_post_mortem() {
	local name

	for name in "${!vm_pid[@]}"; do
		[ "$tap_failed" -gt 0 ] && ! kill -0 "${vm_pid[$name]}" 2>/dev/null || continue
		diagnose "guest $name has ended; its log and console:" "$(<"$tmp/$name.log")" \
			"$(tail -n 40 "$tmp/$name.console")"
	done
}

vm_clean() {
	local command

	[ "$BASHPID" = "$tap_shell" ] || return
	vm_post_mortem
	for command in "${vm_exit[@]}"; do
		eval "$command"
	done
	tap_end
}
trap vm_clean EXIT

vm_needs() {
	[ -w /dev/kvm ] && [ "$(id -u)" = 0 ] || skip_all "needs root and /dev/kvm"
	[ -x build/bin/strata-vmm ] && [ -e build/guest/vmlinux ] ||
		skip_all "needs build/bin/strata-vmm and the guest image"
	command -v jq >/dev/null || skip_all "needs jq"
}

vm_start() {
	local name=$1

	shift
	: >"$tmp/$name.console"
	build/bin/strata-vmm --name "$name" --kernel build/guest/vmlinux \
		--initrd build/guest/initrd.img --console "file=$tmp/$name.console" \
		--control "$tmp/$name.control" "$@" >"$tmp/$name.log" 2>&1 &
	vm_pid[$name]=$!
	vm_on_exit "kill ${vm_pid[$name]} 2>/dev/null; wait ${vm_pid[$name]} 2>/dev/null"
}

vm_await() {
	local end=$((SECONDS + patience * 60 + 1)) seen=0 alive=1 lines line

	while [ $alive = 1 ] && [ $SECONDS -lt $end ]; do
		kill -0 "${vm_pid[$1]}" 2>/dev/null || alive=0
		mapfile -t -s $seen lines <"$tmp/$1.console"
		for line in "${lines[@]}"; do
			[[ $line =~ $2 ]] && return 0
		done
		# the last line may be a part of one
		[ ${#lines[@]} -le 1 ] || seen=$((seen + ${#lines[@]} - 1))
		[ $alive = 0 ] || pause 0.1
	done
	tail -n 30 "$tmp/$1.console" "$tmp/$1.log"
	return 1
}

vm_ask() {
	build/bin/strata-vmm ask "$tmp/$1.control" "{\"do\":\"$2\"}"
}

vm_field() {
	vm_ask "$1" status | jq -r "$2"
}

vm_await_end() {
	local end=$((SECONDS + patience * 30 + 1))

	while [ $SECONDS -lt $end ]; do
		if ! kill -0 "${vm_pid[$1]}" 2>/dev/null; then
			wait "${vm_pid[$1]}"
			return
		fi
		pause 0.1
	done
	tail -n 30 "$tmp/$1.console" "$tmp/$1.log"
	return 124
}

vm_off() {
	vm_ask "$1" powerdown >/dev/null && vm_await_end "$1"
}

# The kernel unpacks a second archive over the first.
vm_script() {
	mkdir "$tmp/tree"
	cat >"$tmp/tree/test"
	(cd "$tmp/tree" && echo test | cpio -o -H newc --quiet) |
		cat "${2:-build/guest/initrd.img}" - >"$1"
	rm -r "$tmp/tree"
}

vm_bridge() {
	local tap

	ip link add strata-b0 type bridge
	vm_on_exit 'ip link del strata-b0'
	ip addr add 10.77.0.1/24 dev strata-b0
	ip addr add fd77::1/64 dev strata-b0 nodad
	ip link set strata-b0 up
	for tap in "$@"; do
		ip tuntap add "$tap" mode tap multi_queue
		vm_on_exit "ip link del $tap 2>/dev/null"
		ip link set "$tap" master strata-b0 up
	done
}
