#!/bin/sh
# Noise that this guest makes until it is asked for none:
#
#   http://GUEST:8080/cgi-bin/noise?kind=spin&strength=1&seconds=60&to=10.77.0.2      kind=none ends it
#
# The reply is "ok", or why not. What strength counts: scenarios/run/kinds.c, which knows the same kinds. The processes
# are one group, and end by themselves after so many seconds.
# Sets $value: of NAME= in the query. Nothing here starts a process that it does not need: in an emulated machine each takes
# a twentieth of a second, and here while the noise is on.
take() {
	value=${QUERY_STRING#*"$1="}
	value=${value%%&*}
	case $value in
	*[!a-z0-9.]*) value= ;;
	esac
}
take kind
kind=$value
take strength
strength=$value
take seconds
seconds=$value
take to
to=$value
printf 'Content-Type: text/plain\r\n\r\n'
cd /tmp || exit 1

if [ -e noise.group ]; then
	read -r group <noise.group
	kill -9 "-$group" 2>/dev/null
	rm noise.group
fi

# How often this guest has written to its disk: the fifth number.
writes() {
	[ ! -e /sys/block/vda/stat ] || { read -r _ _ _ _ n _ </sys/block/vda/stat && echo "$n"; }
}
before=$(writes)

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
# It looks fifty times a second whether it may send, not a thousand times: that would be a storm of timers beside it.
stream) set -- iperf3 --bitrate "${strength}M" --pacing-timer 20000 --time "$seconds" -c "$to" ;;
# Of threads: a process of fio's leaves our group, and would go on when that is killed.
disk) set -- fio --thread --name=noise --filename=/dev/vda --rw=write --bs=128k --ioengine=libaio --iodepth=16 --direct=1 \
	--rate="${strength}m" --time_based --runtime="$seconds" ;;
*)
	echo "there is no noise \"$kind\""
	exit
	;;
esac

setsid timeout "$seconds" "$@" >noise.log 2>&1 </dev/null &
echo $! >noise.group
usleep 300000
# fio takes seconds until it writes.
tries=0
while [ "$kind" = disk ] && [ "$(writes)" = "$before" ] && kill -0 $! 2>/dev/null && [ $((tries += 1)) -lt 100 ]; do
	usleep 100000
done
if kill -0 $! 2>/dev/null; then
	echo ok
else
	tail -n 5 noise.log
fi
