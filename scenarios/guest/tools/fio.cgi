#!/bin/sh
# One fio run on the guest's first disk: see /etc/strata/start/measure.
value() {
	echo "$QUERY_STRING" | tr '&' '\n' | sed -n "s/^$1=\([a-z0-9]*\)$/\1/p"
}
for disk in /dev/vda /dev/nvme0n1 /dev/sda; do
	[ -b $disk ] && break
done
printf 'Content-Type: application/json\r\n\r\n'
exec fio --name=measure --filename=$disk --direct=1 --ioengine=libaio --bs="$(value bs)" --rw="$(value rw)" \
	--iodepth="$(value depth)" --fsync="$(value fsync)" --time_based --runtime="$(value ms)ms" --ramp_time="$(value ramp)ms" \
	--output-format=json 2>&1
