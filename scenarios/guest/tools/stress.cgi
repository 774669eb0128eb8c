#!/bin/sh
# One stress-ng stressor in the guest: /cgi-bin/stress?stressor=cpu&method=int64&seconds=2. The reply's
# only figure is how often it did its operation in a second. exec refuses to be run as root.
value() {
	echo "$QUERY_STRING" | tr '&' '\n' | sed -n "s/^$1=\([a-z0-9]*\)$/\1/p"
}
stressor=$(value stressor)
method=$(value method)
run=
[ "$stressor" != exec ] || run='start-stop-daemon -S -c 65534:65534 -x /usr/bin/stress-ng --'
printf 'Content-Type: application/json\r\n\r\n'
cd /tmp || exit 1
${run:-stress-ng} --"$stressor" 1 ${method:+--cpu-method "$method"} --verify --timeout "$(value seconds)s" --stdout \
	--metrics-brief >stress.log 2>&1 || exec cat stress.log
sed -n 's/.*metrc: \[[0-9]*\] '"$stressor"'  *[0-9.]*  *[0-9.]*  *[0-9.]*  *[0-9.]*  *\([0-9.]*\) .*/{"ops_per_second": \1}/p' stress.log
