# A client, a bridge and nginx, each in a network namespace of this kernel, as root:
#
#   client: c0 10.77.0.1, fd77::1 <-> uplink0, br0, port0 :host <-> srv0 10.77.0.2, fd77::2 :server
#
#   lab_or_skip; lab_up; lab_nginx      $client $host $server: namespaces; $nginx: a worker's pid
# shellcheck shell=bash disable=SC2016,SC2034,SC2154 # see tap.sh, which goes before

client=strata-c$$
host=strata-h$$
server=strata-s$$
lab_root=build/guest/root

lab_or_skip() {
	[ "$(id -u)" -eq 0 ] || skip_all "needs root"
	[ -e /sys/kernel/btf/vmlinux ] || skip_all "this kernel has no BTF"
	[ -x "$lab_root/usr/sbin/nginx" ] || skip_all "no nginx: make guest-image"
	ip netns add "$client" 2>/dev/null || skip_all "no network namespaces here"
	trap 'lab_down; tap_end' EXIT
}

lab_down() {
	local pid netns

	for netns in "$client" "$host" "$server"; do
		for pid in $(ip netns pids "$netns" 2>/dev/null); do
			kill "$pid" 2>/dev/null
		done
		ip netns del "$netns" 2>/dev/null
	done
}

lab_up() {
	ip netns add "$host"
	ip netns add "$server"
	ip -n "$host" link add uplink0 type veth peer name c0 netns "$client"
	ip -n "$host" link add port0 type veth peer name srv0 netns "$server"
	ip -n "$host" link add br0 type bridge
	ip -n "$host" link set uplink0 master br0 up
	ip -n "$host" link set port0 master br0 up
	ip -n "$host" link set br0 up
	ip -n "$client" addr add 10.77.0.1/24 dev c0
	ip -n "$server" addr add 10.77.0.2/24 dev srv0
	ip -n "$client" addr add fd77::1/64 dev c0 nodad
	ip -n "$server" addr add fd77::2/64 dev srv0 nodad
	ip -n "$client" link set c0 up
	ip -n "$server" link set srv0 up
}

# lab_nginx [FOLDER]: nginx of the guest's image, in its own root; what it writes vanishes with it. FOLDER
# becomes its /tmp/nginx, and nginx.conf there its configuration.
lab_nginx() {
	local etc=/etc

	[ $# -eq 0 ] || etc=/tmp
	ip netns exec "$server" sh -c '
		mount -t tmpfs tmpfs "$1/tmp"
		mount --bind /dev "$1/dev"
		[ -z "$2" ] || cp -r "$2" "$1/tmp/nginx"
		exec chroot "$1" /usr/sbin/nginx -e stderr -c "$3/nginx/nginx.conf" -g "worker_processes 1;"
	' sh "$lab_root" "${1-}" "$etc" >"$tmp/nginx" 2>&1 &
	eventually 10 ip netns exec "$client" curl -sf -o /dev/null http://10.77.0.2/ ||
		fail "nginx comes up" "$(<"$tmp/nginx")"
	nginx=$(ip netns pids "$server" | tail -1)
}
