# For system tests: run commands, and say in TAP (testanything.org) whether they did as they should.
#
#   . "$(dirname "$0")/../tap.sh"
#   run strata doctor --json        # $status, $out (stdout), $err (stderr)
#   is "$status" 0 "it succeeds"
#   like "$err" 'no such' "it says what is missing"
#   done_testing
#
# Each test has a scratch folder, $tmp, that vanishes with it; processes started by "background" end
# with it. The project's top is $top and the current folder.
# shellcheck shell=bash disable=SC2034 # status, out, err, top: the tests use them

set -u
export LC_ALL=C.UTF-8
top=$(realpath "$(dirname "${BASH_SOURCE[0]}")/../..")
cd "$top" || exit 1
tap_count=0
tap_failed=0
tap_pids=()
tmp=$(mktemp -d)
tap_shell=$BASHPID

# A child that a signal meets before it became another program runs the traps of its parent: not this one.
tap_end() {
	local pid

	[ "$BASHPID" = "$tap_shell" ] || return
	for pid in "${tap_pids[@]}"; do
		kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
	done
	rm -rf "$tmp"
}
trap tap_end EXIT
trap 'exit 130' INT TERM
mkfifo "$tmp/.nothing"
exec {tap_nothing}<>"$tmp/.nothing"

# run COMMAND...: its exit code, stdout and stderr into $status, $out, $err
run() {
	"$@" >"$tmp/stdout" 2>"$tmp/stderr" </dev/null
	status=$?
	out=$(<"$tmp/stdout")
	err=$(<"$tmp/stderr")
}

# background COMMAND...: its process id into $pid; stdout into $tmp/background
background() {
	rm -f "$tmp/background"
	"$@" >"$tmp/background" </dev/null &
	pid=$!
	tap_pids+=("$pid")
}

# pause SECONDS: without a process, which costs more than it seems where a processor is emulated
pause() { read -rt "$1" -u "$tap_nothing" || true; }

# What takes a second on an idle machine may take this many on a busy one: only what fails waits so long.
patience=4

# eventually SECONDS COMMAND...: until it succeeds; seconds of an idle machine
eventually() {
	local end=$((SECONDS + patience * $1 + 1))

	shift
	until "$@" 2>/dev/null; do
		[ "$SECONDS" -lt "$end" ] || return 1
		pause 0.05
	done
}

# elsewhere PID: has it come into a network namespace of its own?
elsewhere() { [ "$(readlink "/proc/$1/ns/net")" != "$(readlink /proc/self/ns/net)" ]; }

# as_nobody COMMAND...: without root's powers; fails for every command if nobody may not come here
as_nobody() {
	setpriv --reuid 65534 --regid 65534 --clear-groups test -x ./strata &&
		setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
}

diagnose() {
	printf '%s\n' "$@" | sed 's/^/# /'
}

pass() {
	tap_count=$((tap_count + 1))
	echo "ok $tap_count - $1"
}

# fail NAME [DETAIL...]
fail() {
	tap_count=$((tap_count + 1))
	tap_failed=$((tap_failed + 1))
	echo "not ok $tap_count - $1"
	shift
	[ $# -eq 0 ] || diagnose "$@"
}

# skip NAME WHY
skip() {
	tap_count=$((tap_count + 1))
	echo "ok $tap_count - $1 # SKIP $2"
}

# skip_all WHY: nothing in here can be tested on this machine
skip_all() {
	echo "1..0 # SKIP $1"
	exit 77
}

# ok NAME COMMAND...
ok() {
	local name=$1

	shift
	if "$@" >"$tmp/ok" 2>&1; then
		pass "$name"
	else
		fail "$name" "failed: $*" "$(<"$tmp/ok")"
	fi
}

# is FOUND EXPECTED NAME
is() {
	if [ "$1" = "$2" ]; then pass "$3"; else fail "$3" "found:    $1" "expected: $2"; fi
}

# like FOUND REGEX NAME; the regular expression is an extended one
like() {
	if grep -qE -- "$2" <<<"$1"; then pass "$3"; else fail "$3" "found:   $1" "no match: $2"; fi
}

unlike() {
	if grep -qE -- "$2" <<<"$1"; then fail "$3" "found: $1" "matches: $2"; else pass "$3"; fi
}

# passed_by LEAST NAME HOP...: so many requests or more pass each of these hops, by the trace in the file $json
passed_by() {
	local least=$1 name=$2

	shift 2
	is "$(jq -r --argjson least "$least" '. as $trace | [$ARGS.positional[] | . as $hop |
		select(([$trace.hops[] | select(.hop == $hop).count] | add // 0) < $least)] | "but " + join(" ")' "$json" --args "$@")" \
		"but " "$name: $*"
}

# The last line of every test.
done_testing() {
	echo "1..$tap_count"
	[ "$tap_failed" -eq 0 ] || exit 1
	exit 0
}
