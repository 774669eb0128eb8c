// Exports, read by readers that are not strata's: read.js otlp|chrome EXPORT JSON
//
// JSON is what "strata trace --json --requests" says of the same recording. Prints what was read.
// The packages are where NODE_PATH says: "make readers" puts them into build/readers/node_modules.
'use strict';
const assert = require('assert');
const fs = require('fs');

// 64-bit numbers and ids as OTLP's JSON has them; protobuf's own JSON has ids in base64.
const IDS = ['traceId', 'spanId', 'parentSpanId'];

function withIds(value, encode) {
	if (Array.isArray(value))
		return value.map((v) => withIds(v, encode));
	if (value === null || typeof value !== 'object')
		return value;
	return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, IDS.includes(k) ? encode(v) : withIds(v, encode)]));
}

// Through opentelemetry-proto's messages and back: what it does not know, or takes for something else, is lost.
function readOtlp(text, requests) {
	const root = require('@opentelemetry/otlp-transformer/build/src/generated/root');
	const Request = root.opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest;
	let spans = 0, roots = 0;

	for (const line of text.trimEnd().split('\n')) {
		const told = JSON.parse(line);
		const message = Request.fromObject(withIds(told, (hex) => Buffer.from(hex, 'hex').toString('base64')));

		assert.strictEqual(Request.verify(message), null);
		const read = Request.toObject(Request.decode(Request.encode(message).finish()), {longs: String, bytes: String});
		assert.deepStrictEqual(withIds(read, (base64) => Buffer.from(base64, 'base64').toString('hex')), told);
		for (const resource of read.resourceSpans)
			for (const scope of resource.scopeSpans) {
				spans += scope.spans.length;
				roots += scope.spans.filter((s) => s.attributes.some((a) => a.key === 'strata.request')).length;
			}
	}
	const shown = requests.filter((r) => r.hops.length > 1);
	assert.strictEqual(roots, shown.length);
	assert.strictEqual(spans, shown.reduce((n, r) => n + r.hops.length, 0));
	return `${spans} spans`;
}

// Processes, tracks and what lies within what, as another program finds them.
function readChrome(text, requests) {
	const {buildModel} = require('@tracerbench/trace-model');
	// microseconds with a fraction are doubles there, whose sums are not exact: nanoseconds are
	const model = buildModel(JSON.parse(text, (k, v) => (k === 'ts' || k === 'dur' ? Math.round(v * 1000) : v)));
	const depths = {request: undefined, layer: 'request', hop: 'layer'};
	const count = {request: 0, layer: 0, hop: 0};

	for (const process of model.processes) {
		assert.ok(process.name);
		for (const thread of process.threads) {
			assert.ok(thread.name || thread.events.every((e) => e.isMetadata()));
			for (const e of thread.events.filter((e) => e.isComplete())) {
				assert.strictEqual(e.parent && e.parent.traceEvent.cat, depths[e.traceEvent.cat], `${e.name} at ${e.start}`);
				count[e.traceEvent.cat]++;
			}
		}
	}
	const shown = requests.filter((r) => r.hops.length > 1);
	assert.strictEqual(count.request, shown.length);
	assert.strictEqual(count.hop, shown.reduce((n, r) => n + r.hops.length - 1, 0));
	return `${count.request} requests, ${count.hop} hops`;
}

const [format, file, json] = process.argv.slice(2);
const requests = JSON.parse(fs.readFileSync(json, 'utf8')).requests_list;
console.log({otlp: readOtlp, chrome: readChrome}[format](fs.readFileSync(file, 'utf8'), requests));
