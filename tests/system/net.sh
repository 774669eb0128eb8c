# For system tests of network cards: a guest that has the measuring tools and obeys a shell, and what
# every card must be able to do. Source it after tap.sh and vm.sh; needs "make guest-tools".
#
#   net_initrd FILE          an initrd with iperf3, 8021q, /srv/ring_size, and a shell behind
#                            http://GUEST:8081/cgi-bin/sh; set net_image=build/guest-tools/initrd.img
#                            before for fio, which costs each boot seconds
#   in_guest COMMAND         runs it there, as root; its output. $guest is its address: 10.77.0.2
#   net_start NAME OPTION... starts such a guest on 10.77.0.2, and waits until it is ready
#   net_client_apart         the client moves into a namespace, strata-w0 leads there
#   net_works                nginx answers, pings and megabytes arrive, streams run both ways
#
# STRATA_IPERF_SECONDS (2) is how long a stream runs.
# shellcheck shell=bash disable=SC2034,SC2086,SC2154 # the tests use them; tap.sh sets tmp
guest=10.77.0.2
client= # what goes before a command that speaks to the guest
net_image=build/guest-tools/net.img

net_needs() {
	vm_needs
	[ -e $net_image ] || skip_all "needs the guest with tools: make guest-tools"
	[ -x build/tests/tools/ring_size ] || skip_all "needs build/tests/tools/ring_size: make test-tools"
}

net_initrd() {
	local tree=$tmp/tree module

	mkdir -p "$tree"/{etc/strata/start,srv/shell/cgi-bin,srv/modules}
	for module in llc stp garp mrp 8021q; do
		cp "$(find build/testbed/modules -name "$module.ko")" "$tree/srv/modules/"
	done
	cp build/tests/tools/ring_size "$tree/srv/"
	cat >"$tree/etc/strata/start/shell" <<-'END'
		#!/bin/sh
		exec httpd -f -p 8081 -h /srv/shell
	END
	cat >"$tree/srv/shell/cgi-bin/sh" <<-'END'
		#!/bin/sh
		printf 'Content-Type: text/plain\r\n\r\n'
		head -c "$CONTENT_LENGTH" | sh 2>&1
	END
	chmod -R 755 "$tree"
	(cd "$tree" && find . | cpio -o -H newc --quiet) | cat $net_image - >"$1"
	rm -r "$tree"
}

in_guest() { $client curl -s -m 30 --data-binary "$*" "http://$guest:8081/cgi-bin/sh"; }

net_start() {
	local name=$1

	shift
	[ -e "$tmp/initrd" ] || net_initrd "$tmp/initrd"
	vm_start "$name" --initrd "$tmp/initrd" --memory 384M --cmdline \
		"$VM_CMDLINE strata.ip=$guest/24 strata.gw=10.77.0.1 strata.ip6=fd77::2/64 strata.workers=2" "$@"
	ok "$name: the guest has a network and says that it is ready" vm_await "$name" '^strata-guest: ready'
	eventually 10 in_guest true
}

lost() { $client timeout 60 "$busybox" ping -q "$@" | grep -oE '[0-9]+% packet loss'; }
get() { $client curl -s -m 20 "http://$1"; }

# Downloads N times the megabyte, two at once, from HOST; prints how many had the right checksum.
downloads() {
	seq "$1" | xargs -P 2 -I '{}' sh -c "curl -s -m 30 http://$2/big | md5sum" |
		grep -c "$(md5sum <build/guest/root/srv/www/big)"
}

checksum_errors() {
	{
		cat /proc/net/snmp
		in_guest cat /proc/net/snmp
	} | awk '$1 == "Tcp:" && $2 ~ /^[0-9]/ { sum += $NF } END { print sum }'
}

# Bits a second of one stream; none if it did not run to its end.
stream() {
	$client iperf3 -J -c "$guest" -t "${STRATA_IPERF_SECONDS:-2}" "$@" |
		jq -r '.end.sum_received.bits_per_second // empty | floor'
}

net_works() {
	local before

	like "$($client ping -q -f -c 1000 -w 60 "$guest" 2>&1)" ' 0% packet loss' \
		"a flood of a thousand pings: none is lost"
	is "$(lost -A -c 50 -s 30000 "$guest")" "0% packet loss" "pings of many fragments arrive whole"
	is "$(get "$guest/")" "$(<build/guest/root/srv/www/index.html)" "nginx answers"
	is "$(get '[fd77::2]/')" "$(<build/guest/root/srv/www/index.html)" "... over IPv6"
	is "$(downloads 40 "$guest")" 40 "forty megabytes come down undamaged"
	before=$(checksum_errors)
	like "$(stream -P 2)" '^[1-9]' "a stream runs into the guest"
	like "$(stream -P 2 -R)" '^[1-9]' "... and out of it"
	is "$(checksum_errors)" "$before" "... without a checksum error"
}

# The client moves into a namespace, at one end of a cable, strata-w1; what is at its other end,
# strata-w0, is the host's way to the guest.
net_client_apart() {
	ip netns add strata-client
	vm_on_exit 'ip netns del strata-client'
	ip link add strata-w0 type veth peer name strata-w1 netns strata-client
	vm_on_exit 'ip link del strata-w0 2>/dev/null'
	ip link set strata-w0 up
	ip -n strata-client addr add 10.77.0.1/24 dev strata-w1
	ip -n strata-client addr add fd77::1/64 dev strata-w1 nodad
	ip -n strata-client link set strata-w1 up
	client="ip netns exec strata-client"
}

# passes WAY: the least that a way to the guest must do
passes() {
	is "$(lost -A -c 300 "$guest")" "0% packet loss" "$1: pings are not lost"
	is "$(get '[fd77::2]/')" "$(<build/guest/root/srv/www/index.html)" "$1: nginx answers, over IPv6"
	is "$(get "$guest/big" | md5sum)" "$(md5sum <build/guest/root/srv/www/big)" "$1: a megabyte is undamaged"
	like "$(stream)" '^[1-9]' "$1: a stream runs into the guest"
	like "$(stream -R)" '^[1-9]' "$1: ... and out of it"
}
