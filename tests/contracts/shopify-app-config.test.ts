import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { API_VERSION, REQUIRED_SCOPES } from "#app/channels/shopify/version.ts";
import { TOPICS } from "#app/channels/shopify/webhooks/topics.ts";
import { parseToml } from "../../sandbox/channels/shopify/toml.ts";

type Subscription = { topics?: string[]; compliance_topics?: string[]; uri: string; include_fields?: string[]; name?: string };
const config = parseToml(readFileSync(new URL("../../shopify.app.toml", import.meta.url), "utf8")) as unknown as {
	embedded: boolean;
	application_url: string;
	access_scopes: { scopes: string; use_legacy_install_flow: boolean };
	auth: { redirect_urls: string[] };
	webhooks: { api_version: string; subscriptions: Subscription[] };
};
const subscriptions = config.webhooks.subscriptions;

test("R34 the app is embedded, installs the managed way and asks for exactly the scopes that the code needs", () => {
	expect(config.embedded).toBe(true);
	expect(config.access_scopes.use_legacy_install_flow).toBe(false);
	expect(config.access_scopes.scopes.split(",")).toEqual([...REQUIRED_SCOPES]);
	expect(config.auth.redirect_urls.every((url) => new URL(url).origin === new URL(config.application_url).origin)).toBe(true);
});

test("R33 webhooks come in the version that requests are sent in", () => {
	expect(config.webhooks.api_version).toBe(API_VERSION);
});

test("every topic that we understand is subscribed to, once, and no other", () => {
	const declared = subscriptions.flatMap((s) => [...(s.topics ?? []), ...(s.compliance_topics ?? [])]);
	expect([...declared].sort()).toEqual(Object.keys(TOPICS).sort());
	for (const { name } of subscriptions) expect((name ?? "").length).toBeLessThanOrEqual(50);
});

test("R04 a subscription asks for what the mapping keeps, field by field, and for nothing else", () => {
	for (const { topics = [], include_fields = [] } of subscriptions) {
		for (const topic of topics)
			expect({ topic, fields: [...(TOPICS[topic]?.fields ?? [])].sort() }).toEqual({ topic, fields: [...include_fields].sort() });
	}
});

test("R34 the mandatory compliance topics go to the same receiver, which checks their signature", () => {
	const compliance = subscriptions.filter((s) => s.compliance_topics !== undefined);
	expect(compliance.flatMap((s) => s.compliance_topics)).toEqual(["customers/data_request", "customers/redact", "shop/redact"]);
	for (const { uri, compliance_topics } of subscriptions) {
		expect(uri).toBe(compliance_topics === undefined ? "/webhooks/shopify" : "/webhooks/shopify/compliance");
	}
	for (const [topic, { compliance: isCompliance }] of Object.entries(TOPICS)) {
		expect(isCompliance === true).toBe(compliance.some((s) => s.compliance_topics?.includes(topic)));
	}
});
