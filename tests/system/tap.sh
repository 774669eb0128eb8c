# TAP for system tests written in bash. A test sources this file, calls ok, is, like and unlike,
# and ends with finish. It runs in the project's folder, with a scratch folder $scratch.
#
#   ok WHAT COMMAND...         passes if the command succeeds
#   is WHAT GOT WANTED         passes if both are the same
#   like WHAT TEXT REGEX       passes if some line of the text matches
#   unlike WHAT TEXT REGEX     passes if no line of it does
#   skip_all REASON            ends the test as skipped
#   on_exit COMMAND            runs when the test ends, however it ends; newest first
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
project=$PWD
tap_count=0
tap_failed=0
tap_exit=()
scratch=$(mktemp -d "${TMPDIR:-/tmp}/strata-test.XXXXXX")

on_exit() { tap_exit=("$1" "${tap_exit[@]}"); }

tap_clean() {
	local command

	for command in "${tap_exit[@]}"; do
		eval "$command"
	done
	rm -rf "$scratch"
}
trap tap_clean EXIT
trap 'exit 130' INT TERM

# WHAT RESULT [DIAGNOSTIC]
tap_report() {
	tap_count=$((tap_count + 1))
	if [ "$2" = 0 ]; then
		echo "ok $tap_count - $1"
		return
	fi
	tap_failed=$((tap_failed + 1))
	echo "not ok $tap_count - $1"
	[ -z "${3:-}" ] || printf '%s\n' "$3" | sed 's/^/# /'
}

ok() {
	local what=$1 said result=0

	shift
	said=$("$@" 2>&1) || result=$?
	tap_report "$what" $result "$* ended with $result: $said"
}

is() {
	[ "$2" = "$3" ]
	tap_report "$1" $? "got:    $2"$'\n'"wanted: $3"
}

like() {
	grep -qE -- "$3" <<<"$2"
	tap_report "$1" $? "no line matches $3 in:"$'\n'"$2"
}

unlike() {
	! grep -qE -- "$3" <<<"$2"
	tap_report "$1" $? "a line matches $3 in:"$'\n'"$2"
}

skip_all() {
	echo "1..0 # SKIP $1"
	exit 77
}

finish() {
	echo "1..$tap_count"
	[ $tap_failed = 0 ] || exit 1
	exit 0
}
