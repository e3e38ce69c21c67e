import { readFileSync } from "node:fs";
import { parseToml, type Toml } from "./toml.ts";

/** What Shopify knows of the app from its configuration file: scopes, and the webhooks that apply to every shop. */
export type AppConfig = {
	scopes: string[];
	optionalScopes: string[];
	apiVersion: string;
	subscriptions: { topic: string; uri: string; includeFields: string[]; filter: string | null; name: string | null }[];
};

const COMPLIANCE_TOPICS = ["customers/data_request", "customers/redact", "shop/redact"];

/** `source`: the parsed file, its path, or nothing (then `scopes` and no webhooks). A uri may be relative to the app's own. */
export function readAppConfig(source: Toml | string | undefined, fallbackScopes: readonly string[]): AppConfig {
	const config = typeof source === "string" ? parseToml(readFileSync(source, "utf8")) : (source ?? {});
	const access = table(config.access_scopes);
	const webhooks = table(config.webhooks);
	const subscriptions: AppConfig["subscriptions"] = [];
	const compliance = new Set<string>();
	for (const entry of list(webhooks.subscriptions).map(table)) {
		const shared = {
			uri: text(entry.uri) ?? "",
			includeFields: list(entry.include_fields).map(String),
			filter: text(entry.filter),
			name: text(entry.name),
		};
		if (shared.uri === "") throw new Error("App configuration: a webhook subscription has no uri.");
		if (shared.name !== null && shared.name.length > 50)
			throw new Error(`App configuration: the subscription name "${shared.name}" is over 50 characters.`);
		for (const topic of list(entry.topics).map(String)) {
			const twin = subscriptions.find((s) => s.topic === topic && s.uri === shared.uri && s.filter === shared.filter);
			if (twin) throw new Error(`App configuration: two subscriptions for ${topic} with the same uri and filter.`);
			subscriptions.push({ topic, ...shared });
		}
		for (const topic of list(entry.compliance_topics).map(String)) {
			if (!COMPLIANCE_TOPICS.includes(topic)) throw new Error(`App configuration: ${topic} is not a compliance topic.`);
			if (compliance.has(topic)) throw new Error(`App configuration: the compliance topic ${topic} appears twice.`);
			compliance.add(topic);
			subscriptions.push({ topic, ...shared });
		}
	}
	const scopes = text(access.scopes)
		?.split(/[\s,]+/)
		.filter(Boolean) ?? [...fallbackScopes];
	return {
		scopes,
		optionalScopes: list(access.optional_scopes).map(String),
		apiVersion: text(webhooks.api_version) ?? "2026-10",
		subscriptions,
	};
}

const table = (value: unknown): Toml => (value !== null && typeof value === "object" && !Array.isArray(value) ? (value as Toml) : {});
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const text = (value: unknown): string | null => (typeof value === "string" ? value : null);
