import { inspect } from "node:util";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ChannelError, UnexpectedShapeError } from "#app/channels/errors.ts";
import { type Channel, type ChannelClient, channels } from "#channels";
import { canonicalEventSchema } from "#domain";
import { leadOutside, serve } from "../kit/outside.ts";
import { type ChannelSamples, samplesOf } from "./channel-samples.ts";

/** What generic code may rely on, held against every channel there is: nobody opts in, and a new one needs only its samples. */
const all = channels().map((channel) => ({ id: channel.id, channel }));
const RUNS = { numRuns: Number(process.env.FC_RUNS ?? 400) };

/** A stranger's server that says back whatever it is told, headers and all. */
let outside: ReturnType<typeof leadOutside>;
let parrot: Awaited<ReturnType<typeof serve>>;
let answer = { status: 200, type: "application/json", shape: "object" };
let asked = 0;
beforeAll(async () => {
	parrot = await serve((request, response) => {
		let body = "";
		request.on("data", (part) => (body += part));
		request.on("end", () => {
			asked++;
			const said = `${request.url} ${decodeURIComponent(request.url ?? "")} ${JSON.stringify(request.headers)} ${body}`;
			const basic = /^Basic (.+)$/.exec(request.headers.authorization ?? "")?.[1];
			const echo = `${said} ${basic ? Buffer.from(basic, "base64").toString() : ""}`;
			response.writeHead(answer.status, { "content-type": answer.type });
			response.end(
				answer.shape === "html"
					? `<html>${echo}</html>`
					: JSON.stringify({ code: echo, message: echo, errors: [{ code: "X", message: echo }], error: echo, error_description: echo }),
			);
		});
	});
	outside = leadOutside({ "*.com": parrot.origin, "*.example": parrot.origin });
});
afterAll(async () => {
	await outside.restore();
	await parrot.close();
});

test("one channel is home, each has an id of its own, and each is known to this suite", () => {
	expect(all.filter(({ channel }) => channel.role === "home")).toHaveLength(1);
	expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
	for (const { id } of all) expect(id).toMatch(/^[a-z][a-z0-9-]*$/);
	expect(all.map(({ id }) => id).filter((id) => !Object.hasOwn(samplesOf, id))).toEqual([]);
});

describe.each(all)("$id", ({ id, channel }) => {
	const samples = samplesOf[id] as ChannelSamples;
	const client = (): ChannelClient => channel.connect(samples.access);
	const topics = Object.keys(samples.messages);

	test("R33 what it can do and what it may be asked are whole, positive, sourced and fit together", async () => {
		const { capabilities, limits, apiVersion } = channel;
		for (const size of [capabilities.writeBatchSize, capabilities.readBatchSize, limits.concurrency]) {
			expect(Number.isInteger(size) && size >= 1).toBe(true);
		}
		expect(capabilities.clockResolutionMs).toBeGreaterThan(0);
		expect(capabilities.lateHorizonMs).toBeGreaterThanOrEqual(0);
		// An absolute write that is cut off may land at any later moment; a difference under its key is carried out once.
		if (capabilities.quantityMeaning !== "delta") expect(capabilities.lateHorizonMs).toBeGreaterThan(0);
		expect(capabilities.clocksApartMs ?? capabilities.clockResolutionMs).toBeGreaterThanOrEqual(capabilities.clockResolutionMs);
		expect(capabilities.pollEveryMs ?? 60_000).toBeGreaterThanOrEqual(60_000);
		expect(capabilities.extraPollEveryMs ?? 60_000).toBeGreaterThanOrEqual(60_000);
		for (const bucket of [limits, ...Object.values(limits.operations ?? {})]) {
			expect(bucket.unitsPerSecond).toBeGreaterThan(0);
			expect(bucket.burst).toBeGreaterThanOrEqual(1);
		}
		for (const source of [limits.source, apiVersion.source, apiVersion.pinned]) expect(source.length).toBeGreaterThan(3);
		if (apiVersion.sunsetAt !== null) expect(Number.isNaN(Date.parse(apiVersion.sunsetAt))).toBe(false);
		expect(capabilities.quantityMeaning === "delta").toBe(channel.role === "home");
		const opened = client();
		expect(opened.home !== undefined).toBe(channel.role === "home");
		await opened.close();
	});

	test("R01 R31 there is one way in and one way to be told: keys or consent, signed messages or a queue of our own", async () => {
		const { credentialFields, authorization, appSettings, messageQueues, webhooks, readAccount, role } = channel;
		const keys = [...credentialFields, ...(appSettings ?? [])].map(({ key }) => key);
		expect(new Set(keys).size).toBe(keys.length);
		if (role === "guest") expect(authorization !== undefined || (readAccount !== undefined && credentialFields.length > 0)).toBe(true);
		if (authorization || messageQueues) expect(appSettings?.length).toBeGreaterThan(0);
		// Unsigned messages are only ever taken from a queue that nobody else can fill.
		if (webhooks.signature === null) expect(messageQueues).toBeDefined();
		const opened = client();
		if (webhooks.signature?.secret === "connection") expect(opened.webhooks).not.toBeNull();
		if (opened.webhooks) expect([...opened.webhooks.topics].sort()).toEqual(topics.toSorted());
		await opened.close();
		if (webhooks.signature === null && messageQueues === undefined) throw new Error("Nobody could tell it anything");
	});

	test("R04 nothing of a person is kept of its messages, whatever text stands where", () => {
		const kept = new Set<string>();
		for (const [topic, body] of Object.entries(samples.messages)) {
			const payload = channel.webhooks.allowList(topic, body);
			expect(JSON.stringify(payload)).not.toMatch(/Ann|Who|Elm|Springfield|5550100|203\.0\.113|who\.example|1980-01-01/);
			// Planted beside everything there is: what is not known by name stays behind.
			const planted = plant(body);
			expect(JSON.stringify(channel.webhooks.allowList(topic, planted))).not.toContain("PLANTED");
			for (const path of textsOf(payload)) kept.add(path);
		}
		expect([...kept].sort()).toEqual([...samples.keptTexts].sort());
	});

	test("R32 its messages become events of ours, each of them valid", () => {
		for (const topic of topics) {
			const events = eventsOf(channel, topic, samples.messages[topic], samples.headersOf(topic));
			expect(events.length).toBeGreaterThan(0);
			for (const event of events) expect(canonicalEventSchema.safeParse(event).error).toBeUndefined();
		}
	});

	test("R32 any bytes and any headers are identified without an error", () => {
		const names = Object.keys(samples.headersOf("x"));
		const header = fc.oneof(fc.string(), fc.constantFrom(...topics));
		fc.assert(
			fc.property(
				fc.record(Object.fromEntries(names.map((name) => [name, fc.option(header, { nil: undefined })]))),
				bytes(topics, samples),
				(headers, body) => {
					const given = Object.fromEntries(Object.entries(headers).filter((pair): pair is [string, string] => typeof pair[1] === "string"));
					const identity = channel.webhooks.identify({ headers: given, body, path: "/webhooks/x" });
					if (identity === null) return;
					for (const text of [identity.topic, identity.deliveryId, identity.resourceId]) expect(typeof text).toBe("string");
				},
			),
			RUNS,
		);
	});

	test("R32 rubbish is refused as an unexpected shape, never with another error, and never becomes an event that is not ours", () => {
		let refused = 0;
		let taken = 0;
		const look = (topic: string, body: unknown, headers: Readonly<Record<string, string>>) => {
			try {
				const events = eventsOf(channel, topic, body, headers);
				taken++;
				for (const event of events) {
					const { success } = canonicalEventSchema.safeParse(event);
					if (!success) throw new Error(`${topic} makes an event that is not ours: ${inspect(event, { depth: 6 })}`);
				}
			} catch (error) {
				if (!(error instanceof UnexpectedShapeError)) throw error;
				refused++;
			}
		};
		fc.assert(
			fc.property(fc.oneof(fc.constantFrom(...topics), fc.string()), fc.jsonValue(), (topic, body) =>
				look(topic, body, samples.headersOf(topic)),
			),
			RUNS,
		);
		// A message of its own with one thing changed: what a new version or a plugin does.
		fc.assert(
			fc.property(fc.constantFrom(...topics), fc.nat(), odd, (topic, at, value) =>
				look(topic, replaceAt(samples.messages[topic], at, value), samples.headersOf(topic)),
			),
			RUNS,
		);
		fc.assert(
			fc.property(fc.constantFrom(...topics), fc.jsonValue(), (topic, payload) => {
				try {
					channel.webhooks.toEvents({ topic, payload, headers: {} });
				} catch (error) {
					if (!(error instanceof UnexpectedShapeError)) throw error;
				}
			}),
			RUNS,
		);
		expect(Math.min(refused, taken)).toBeGreaterThan(20);
	});

	test("R30 what a stranger's server says back never carries our secrets into an error, a reason or a report", async () => {
		asked = 0;
		const said: string[] = [];
		const reports: unknown[] = [];
		const opened = channel.connect({ ...samples.access, onCall: (call) => void reports.push(call) });
		const ref = { externalId: samples.asks.listing, parentExternalId: null };
		const calls: (() => Promise<unknown>)[] = [
			() => opened.check(),
			() => opened.listListings()[Symbol.asyncIterator]().next(),
			() => opened.readStock([ref]),
			() => opened.writeStock([{ ...ref, quantity: 3 }]),
			() => opened.listOrders({ since: "2026-11-20T10:00:00Z" })[Symbol.asyncIterator]().next(),
			() => opened.readOrder(samples.asks.order),
			() => opened.webhooks?.list() ?? Promise.resolve(),
			() => opened.home?.readLevels(["1"]) ?? Promise.resolve(),
			() => opened.home?.listLocations() ?? Promise.resolve(),
			() => opened.home?.catalogue.start() ?? Promise.resolve(),
		];
		for (const next of ANSWERS) {
			answer = next;
			for (const call of calls) {
				const outcome = await call().catch((error: unknown) => {
					if (!(error instanceof ChannelError)) throw error;
					return error;
				});
				said.push(inspect(outcome, { depth: 12, showHidden: true }));
			}
		}
		await opened.close();
		expect(asked).toBeGreaterThan(ANSWERS.length * 4);
		expect(said.filter((text) => text.includes("Error")).length).toBeGreaterThan(ANSWERS.length * 3);
		const everything = [...said, inspect(reports, { depth: 8 })].join("\n");
		for (const secret of samples.secrets) {
			for (const form of [secret, encodeURIComponent(secret), Buffer.from(secret).toString("base64").slice(0, -4)]) {
				expect(
					everything.includes(form) ? everything.slice(Math.max(0, everything.indexOf(form) - 400), everything.indexOf(form) + 60) : "",
				).toBe("");
			}
		}
	});
});

const ANSWERS = [
	{ status: 200, type: "application/json", shape: "object" },
	{ status: 200, type: "text/html", shape: "html" },
	...[400, 401, 403, 404, 409, 422, 429, 500, 503].map((status) => ({ status, type: "application/json", shape: "object" })),
	{ status: 502, type: "text/html", shape: "html" },
];

const eventsOf = ({ webhooks }: Channel, topic: string, body: unknown, headers: Readonly<Record<string, string>>) =>
	webhooks.toEvents({ topic, payload: webhooks.allowList(topic, body), headers });

/** Values that a field may suddenly have. */
const odd = fc.oneof(
	fc.jsonValue(),
	fc.constantFrom<unknown>(
		null,
		"",
		"not-a-status-of-theirs",
		-1,
		0.5,
		1e308,
		Number.MAX_SAFE_INTEGER + 1,
		"9".repeat(400),
		[],
		{},
		[[]],
		"2026-13-45T99:00:00Z",
	),
);

const bytes = (topics: readonly string[], { messages }: ChannelSamples) =>
	fc.oneof(
		fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array)),
		fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value))),
		fc
			.tuple(fc.constantFrom(...topics), fc.nat(), odd)
			.map(([topic, at, value]) => Buffer.from(JSON.stringify(replaceAt(messages[topic], at, value)))),
		fc.constantFrom("", "null", "webhook_id=12", "{").map((text) => Buffer.from(text)),
	);

/** The `at`-th value of a message, counted over all its objects and lists, is another one; or, every seventh time, gone. */
function replaceAt(message: unknown, at: number, value: unknown): unknown {
	const copy = structuredClone(message);
	const places: [Record<string, unknown>, string][] = [];
	const walk = (node: unknown) => {
		if (typeof node !== "object" || node === null) return;
		for (const key of Object.keys(node)) {
			places.push([node as Record<string, unknown>, key]);
			walk((node as Record<string, unknown>)[key]);
		}
	};
	walk(copy);
	const [node, key] = places[at % Math.max(1, places.length)] ?? [{}, ""];
	if (at % 7 === 0) delete node[key];
	else node[key] = value;
	return copy;
}

const PERSONAL = [
	"name_of_buyer",
	"customer",
	"email",
	"phone",
	"address",
	"billing",
	"shipping",
	"note",
	"BuyerInfo",
	"ShippingAddress",
	"first_name",
];
function plant(node: unknown): unknown {
	if (Array.isArray(node)) return node.map(plant);
	if (typeof node !== "object" || node === null) return node;
	return {
		...Object.fromEntries(Object.entries(node).map(([key, value]) => [key, plant(value)])),
		...Object.fromEntries(PERSONAL.map((key) => [key, { text: "PLANTED", lines: ["PLANTED"], of: "PLANTED" }])),
	};
}

function textsOf(node: unknown, path = ""): string[] {
	if (typeof node === "string") return [path];
	if (Array.isArray(node)) return node.flatMap((one) => textsOf(one, `${path}[]`));
	if (typeof node !== "object" || node === null) return [];
	return Object.entries(node).flatMap(([key, value]) => textsOf(value, path === "" ? key : `${path}.${key}`));
}
