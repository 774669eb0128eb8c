# Asks "strata explain" about a recording in which some requests met a delay that is known.
#
#   blames RECORDING LAYER DIRECTION CAUSE MS NAME
#
# What is blamed grew by MS: hardly less (19 of 20 parts), and a quarter more at most, for a busy machine is late. Its layer
# did, and no other layer changed, by more than 0.4 MS and what the layer takes usually: a delay in the wrong layer is
# all of MS. CAUSE "unknown": it says where, but not why. DIRECTION "any": each request
# met it somewhere else on its way.
# shellcheck shell=bash disable=SC2016,SC2154 # see tap.sh, which goes before

# The layer's figures are medians of the slow and of the usual requests: one that something else held up does not count.
blames_query='
def moved: .slow_p50_ns - .usual_p50_ns;
def wrong: . < $ns * 0.95 or . > $ns * 1.25;
def noise: $ns * 0.4 + .usual_p50_ns;
[
	if .verdict == (if $cause == "unknown" then "where-not-why" else "explained" end) then empty
		else "verdict: \(.verdict)" end,
	(.findings[0] | if .blamed and .layer == $layer and (.cause // "unknown") == $cause and
		($direction == "any" or .direction == $direction)
		then empty else "first finding: \(.cause) in \(.layer), \(.direction), blamed: \(.blamed)" end),
	(.findings[0] | if $direction == "any" then .more_ns else moved end | select(wrong) |
		"what is blamed: \(. / 1000 | floor) us longer"),
	(.layers[] | select($direction != "any" or .layer != $layer) |
		(if .layer == $layer and .direction == $direction then moved - $ns else moved end) as $off |
		select($off > noise or $off < -noise) | "\(.layer), \(.direction): \(moved / 1000 | floor) us longer"),
	(if .lost == 0 and .causality_violations == 0 then empty
		else "lost: \(.lost), violations: \(.causality_violations)" end)
] | if . == [] then "ok" else join("; ") end'

blames() {
	local told

	run ./strata explain --json "$1"
	[ "$status" -eq 0 ] || diagnose "$err"
	printf '%s' "$out" >"$tmp/explain.json"
	told=$(jq -r --arg layer "$2" --arg direction "$3" --arg cause "$4" --argjson ns "${5}000000" "$blames_query" \
		"$tmp/explain.json")
	is "$told" ok "$6: $5 ms more in $2 ($3), nowhere else; blamed: $4"
	[ "$told" = ok ] || diagnose "$(./strata explain "$1")" "$(./strata trace --read "$1" --json |
		jq -c '.requests, .events, (.hops[] | select(.missing > 0) | {hop, missing})')"
}
