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
# A stream runs for two seconds; with STRATA_LONG=1 (make check-long) for a minute, beside ten times the pings and
# megabytes.
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
	local tree=$tmp/tree

	mkdir -p "$tree"/{etc/strata/start,srv/shell/cgi-bin,srv/modules}
	find build/testbed/modules -regextype posix-extended -regex '.*/(llc|stp|garp|mrp|8021q)\.ko' \
		-exec cp -t "$tree/srv/modules" '{}' +
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

in_guest() { $client curl -s -m 60 --data-binary "$*" "http://$guest:8081/cgi-bin/sh"; }

net_start() {
	local name=$1

	shift
	[ -e "$tmp/initrd" ] || net_initrd "$tmp/initrd"
	vm_start "$name" --initrd "$tmp/initrd" --memory 384M --cmdline \
		"$VM_CMDLINE strata.ip=$guest/24 strata.gw=10.77.0.1 strata.ip6=fd77::2/64 strata.workers=2" "$@"
	ok "$name: the guest has a network and says that it is ready" vm_await "$name" '^strata-guest: ready'
	eventually 10 in_guest true
}

# long SHORT LONG: which of them it is
long() { if [ -n "${STRATA_LONG-}" ]; then echo "$2"; else echo "$1"; fi; }

# unanswered FIRST N: how many of the N pings numbered from FIRST on have no answer in what ping said
unanswered() {
	awk -F 'seq=' -v first="$1" -v n="$2" '
		/bytes from/ && $2 + 0 >= first && $2 + 0 < first + n && !seen[$2 + 0]++ { here++ }
		END { print n - here }'
}

# lost N OPTION... HOST: how many of N pings were never answered, one at a time. Their numbers tell, not ping's sum,
# and one more is sent: ping neither waits long for its last one, nor keeps to its number when an answer is late.
lost() {
	local n=$1

	shift
	$client timeout 240 ping -n -A -c $((n + 1)) "$@" 2>&1 | unanswered 1 "$n"
}
get() { $client curl -s -m 60 "http://$1"; }

# Downloads N times the megabyte, two at once, from HOST; prints how many had the right checksum.
downloads() {
	$client curl -s -m 600 -Z --parallel-max 2 "http://$2/big?[1-$1]" -o "$tmp/big.#1" 2>/dev/null
	md5sum "$tmp"/big.* | grep -c "^$(md5sum <build/guest/root/srv/www/big | cut -d ' ' -f 1)"
	rm -f "$tmp"/big.*
}

checksum_errors() {
	{
		cat /proc/net/snmp
		in_guest cat /proc/net/snmp
	} | awk '$1 == "Tcp:" && $2 ~ /^[0-9]/ { sum += $NF } END { print sum }'
}

# Bits a second of one stream; none if it did not run to its end.
stream() {
	$client iperf3 -J -c "$guest" -t "$(long 2 60)" "$@" |
		jq -r '.end.sum_received.bits_per_second // empty | floor'
}

net_works() {
	local before megabytes pings

	megabytes=$(long 10 100) pings=$(long 300 3000)
	# without a deadline, with which ping sends more than its number as long as the last are on their way
	like "$($client timeout 300 ping -q -f -c "$pings" "$guest" 2>&1)" ' 0% packet loss' \
		"a flood of $pings pings: none is lost"
	is "$(lost "$(long 20 200)" -s 30000 "$guest")" 0 "pings of many fragments arrive whole"
	is "$(get "$guest/")" "$(<build/guest/root/srv/www/index.html)" "nginx answers"
	is "$(get '[fd77::2]/')" "$(<build/guest/root/srv/www/index.html)" "... over IPv6"
	is "$(downloads "$megabytes" "$guest")" "$megabytes" "$megabytes megabytes come down undamaged"
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
	is "$(lost "$(long 50 500)" "$guest")" 0 "$1: pings are not lost"
	is "$(get '[fd77::2]/')" "$(<build/guest/root/srv/www/index.html)" "$1: nginx answers, over IPv6"
	is "$(get "$guest/big" | md5sum)" "$(md5sum <build/guest/root/srv/www/big)" "$1: a megabyte is undamaged"
	like "$(stream)" '^[1-9]' "$1: a stream runs into the guest"
	like "$(stream -R)" '^[1-9]' "$1: ... and out of it"
}
