#!/bin/sh
# One stress-ng stressor in the guest: /cgi-bin/stress?stressor=cpu&method=int64&seconds=2. The reply's
# only figure is how often it did its operation in a second.
value() {
	echo "$QUERY_STRING" | tr '&' '\n' | sed -n "s/^$1=\([a-z0-9]*\)$/\1/p"
}
method=$(value method)
printf 'Content-Type: application/json\r\n\r\n'
cd /tmp || exit 1
stress-ng --"$(value stressor)" 1 ${method:+--cpu-method "$method"} --verify --timeout "$(value seconds)s" --metrics \
	--yaml /tmp/stress.yaml >/tmp/stress.log 2>&1 ||
	exec cat /tmp/stress.log
sed -n 's/.*bogo-ops-per-second-real-time: \([0-9.]*\)$/{"ops_per_second": \1}/p' /tmp/stress.yaml
