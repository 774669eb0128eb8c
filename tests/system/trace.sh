# What tests of the demonstration share: run it, and ask its JSON.
# shellcheck shell=bash disable=SC2154 # status, out, err come from tap.sh

. "$(dirname "${BASH_SOURCE[0]}")/tap.sh"

# demo NAME OPTION...: run it with results in out/check/NAME; its JSON into $json
demo() {
	local name=$1

	shift
	json=$top/out/check/$name/trace.json
	rm -rf "$top/out/check/$name"
	run timeout 300 ./strata demo --here --json --output "out/check/$name" "$@"
	[ "$status" -eq 0 ] || diagnose "strata demo $*" "$err"
}

# query EXPRESSION [FILE]: jq on the last demo's JSON
query() {
	jq -r "$1" "${2:-$json}" 2>&1
}

# What every good trace is, whatever was traced.
trace_is_sound() {
	local found

	# one process, for they cost time where a processor is emulated
	mapfile -t found < <(query '.schema,
		(.requests | .seen == '"$2"' and .complete >= 0.99 * .seen and .complete + .partial == .seen),
		.events.lost, .clock.causality_violations, .client.compared, .client.outside_client_bracket,
		.client.difference_p50_ns <= .client.resolution_ns + .client.probes_ns')
	is "${found[0]}" strata.trace/1 "$1: its JSON is of the schema"
	is "${found[1]-}" true "$1: at least 99 % of $2 requests are complete"
	is "${found[2]-}" 0 "$1: no event was lost"
	is "${found[3]-}" 0 "$1: no effect came before its cause"
	is "${found[4]-}" "$2" "$1: the client knows the same requests"
	is "${found[5]-}" 0 "$1: every request lies within what the client measured"
	is "${found[6]-}" true "$1: end to end agrees with the client to within its resolution"
	requests_add_up "$1"
}

# Layers and the unattributed slice are the time end to end, for each request, to the nanosecond.
requests_add_up() {
	local sums

	sums=$(./strata trace --read "${json%.json}.strata" --json --requests | jq -r '
		[.requests_list[] | select(.end_to_end_ns != null)] |
		(length | tostring) + " " + ([.[] | select(
			.end_to_end_ns != ([.layers_ns[][]] | add) + .unattributed_ns)] | length | tostring)')
	is "$sums" "$(query .requests.measured) 0" "$1: layers and unattributed add up, request by request"
}

# layer LAYER DIRECTION FILE [FIGURE]: its median in microseconds; 0 if this placement has no such layer
layer() {
	query ".layers[] | select(.layer == \"$1\" and .direction == \"$2\") | .${4:-p50}_ns // 0 | . / 1000 | floor" \
		"$3"
}

# moved_only LAYER DIRECTION MS BASE DELAYED NAME: between two runs that layer's median grew by MS, and no
# other's changed by more than the noise: a third of it.
moved_only() {
	local l d grown good=1 told=()

	for l in external host hypervisor vm service; do
		for d in request reply; do
			grown=$(($(layer $l $d "$5") - $(layer $l $d "$4")))
			told+=("$l $d: $grown us")
			if [ "$l $d" = "$1 $2" ]; then
				[ $((grown * 10)) -gt $(($3 * 7000)) ] &&
					[ $((grown * 10)) -lt $(($3 * 13000)) ] || good=0
			else
				[ "$grown" -lt $(($3 * 333)) ] && [ "$grown" -gt $((-$3 * 333)) ] || good=0
			fi
		done
	done
	if [ $good = 1 ]; then pass "$6"; else fail "$6" "${told[@]}"; fi
}
