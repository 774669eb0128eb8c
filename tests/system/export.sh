# What tests of exports share. Source it after tap.sh.
#
#   exports_agree RECORDING NAME   each format, read by other programs, is what strata trace says
#
# shellcheck shell=bash disable=SC2154 # tap.sh sets top and tmp

export=build/bin/strata-export
# Debian's own, which sees Debian's modules
python=/usr/bin/python3

# As check_export.py reads them.
PCAPNG_FIELDS=(-e frame.interface_name -e frame.time_epoch -e frame.len -e frame.cap_len -e tcp.seq_raw
	-e http.request.method -e frame.comment)

# agrees FORMAT FILE NAME
agrees() {
	ok "$3: $1 agrees" "$python" tests/system/check_export.py "$1" "$2" "$tmp/agree.json"
}

exports_agree() {
	local format

	./strata trace --read "$1" --json --requests >"$tmp/agree.json"
	for format in csv jsonl perfetto otlp openmetrics pcapng; do
		ok "$2: $format is written" "$export" -f $format -o "$tmp/agree.$format" "$1"
	done
	tshark -r "$tmp/agree.pcapng" -T fields "${PCAPNG_FIELDS[@]}" >"$tmp/agree.fields" 2>/dev/null
	agrees csv "$tmp/agree.csv" "$2"
	agrees jsonl "$tmp/agree.jsonl" "$2"
	agrees perfetto "$tmp/agree.perfetto" "$2"
	agrees otlp "$tmp/agree.otlp" "$2"
	agrees openmetrics "$tmp/agree.openmetrics" "$2"
	agrees pcapng "$tmp/agree.fields" "$2"
	read_by_others otlp "$tmp/agree.otlp" "$2: OTLP, through OpenTelemetry's own messages and back"
	read_by_others chrome "$tmp/agree.perfetto" "$2: slices, as a model of Chrome's traces has them"
}

# read_by_others FORMAT FILE NAME: by what "make readers" brings
read_by_others() {
	if [ -e build/readers/stamp ] && command -v node >/dev/null; then
		NODE_PATH=build/readers/node_modules ok "$3" node tests/readers/read.js "$1" "$2" "$tmp/agree.json"
	else
		skip "$3" "needs make readers, and that npm"
	fi
}
