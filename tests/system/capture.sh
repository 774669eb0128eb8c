# What tests share that hold a trace against captures: tcpdump, and tests/system/ground_truth.py.
#
#   capture NAME DEVICE [COMMAND...]   captures port 80 there into $tmp/NAME.pcap, by way of COMMAND
#   captures_end                       ends them; what was dropped is told in $tmp/NAME.log
#   clock_offset                       CLOCK_REALTIME minus CLOCK_MONOTONIC of this kernel
#   guest_with_tcpdump FILE            makes FILE, the guest's initrd with a tcpdump that captures from the start on;
#                                      http://GUEST:8080/ has guest.pcap then
# shellcheck shell=bash disable=SC2154 # see tap.sh, which goes before
captures=()
capture_options=(-s 128 -U --immediate-mode --time-stamp-precision=nano -Z root)

capture() {
	local name=$1 device=$2

	shift 2
	"$@" tcpdump -i "$device" "${capture_options[@]}" -w "$tmp/$name.pcap" tcp port 80 2>"$tmp/$name.log" &
	captures+=($!)
	tap_pids+=($!)
	eventually 10 grep -q 'listening on' "$tmp/$name.log"
}

captures_end() {
	kill -INT "${captures[@]}"
	wait "${captures[@]}"
	captures=()
}

clock_offset() {
	awk '$1 == ".offset:" && $2 { print $2; exit }' /proc/timer_list
}

guest_with_tcpdump() {
	local tree=$tmp/tcpdump-tree

	mkdir -p "$tree"/{etc/strata/start,usr/bin,usr/lib/x86_64-linux-gnu}
	cp "$(command -v tcpdump)" "$tree/usr/bin/"
	ldd "$(command -v tcpdump)" | awk '$2 == "=>" && $3 ~ "^/" { print $3 }' | while read -r library; do
		[ -e "build/guest/root/usr/lib/x86_64-linux-gnu/${library##*/}" ] ||
			cp -L "$library" "$tree/usr/lib/x86_64-linux-gnu/"
	done
	cat >"$tree/etc/strata/start/capture" <<-EOF
		#!/bin/sh
		mkdir /tmp/captures
		httpd -p 8080 -h /tmp/captures
		exec tcpdump -i eth0 ${capture_options[*]} -w /tmp/captures/guest.pcap tcp port 80
	EOF
	chmod +x "$tree/etc/strata/start/capture"
	(cd "$tree" && find . | cpio -o -H newc --quiet) | cat build/guest/initrd.img - >"$1"
	rm -r "$tree"
}
