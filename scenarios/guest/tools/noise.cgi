#!/bin/sh
# Noise that this guest makes until it is asked for none:
#
#   http://GUEST:8080/cgi-bin/noise?kind=spin&strength=1&seconds=60&to=10.77.0.2      kind=none ends it
#
# The reply is "ok", or why not. What strength counts: scenarios/run/kinds.c, which knows the same kinds. The processes
# are one group, and end by themselves after so many seconds.
value() {
	echo "$QUERY_STRING" | tr '&' '\n' | sed -n "s/^$1=\([a-z0-9.]*\)$/\1/p"
}
kind=$(value kind)
strength=$(value strength)
seconds=$(value seconds)
to=$(value to)
printf 'Content-Type: text/plain\r\n\r\n'
cd /tmp || exit 1

if [ -e noise.group ]; then
	kill -9 "-$(cat noise.group)" 2>/dev/null
	rm noise.group
fi

case $kind in
none)
	echo ok
	exit
	;;
spin) set -- sh -c 'i=$1; while [ "$i" -gt 0 ]; do while :; do :; done & i=$((i - 1)); done; wait' sh "$strength" ;;
cpu) set -- stress-ng --cpu 1 --cpu-load "$strength" ;;
cache) set -- stress-ng --cache "$strength" ;;
memory) set -- stress-ng --stream "$strength" ;;
timer) set -- stress-ng --timer 1 --timer-freq "$strength" ;;
packets) set -- iperf3 --udp --length 64 --bitrate "$((strength * 512))" --time "$seconds" -c "$to" ;;
stream) set -- iperf3 --bitrate "${strength}M" --time "$seconds" -c "$to" ;;
disk) set -- fio --name=noise --filename=/dev/vda --rw=write --bs=128k --ioengine=libaio --iodepth=16 --direct=1 \
	--rate="${strength}m" --time_based --runtime="$seconds" ;;
*)
	echo "there is no noise \"$kind\""
	exit
	;;
esac

setsid timeout "$seconds" "$@" >noise.log 2>&1 </dev/null &
echo $! >noise.group
usleep 300000
if kill -0 $! 2>/dev/null; then
	echo ok
else
	tail -n 5 noise.log
fi
