import type { Channel } from "#channels";
import type { Credentials } from "../credentials.ts";

export type TriedKeys =
	| { outcome: "good"; credentials: Credentials; settings: { account: Readonly<Record<string, string>> } }
	/** `reason` is for the merchant. */
	| { outcome: "refused"; reason: string };

/** One call to that very account with what was typed; what is none of the channel's own secrets is left out. */
export async function tryKeys(kind: Channel, account: string, given: Credentials): Promise<TriedKeys> {
	// What is not secret is the account itself, which is known already.
	const secrets = kind.credentialFields.filter((field) => field.secret);
	const typed = Object.fromEntries(secrets.map(({ key }) => [key, (given[key] ?? "").trim()]));
	const missing = secrets.find(({ key }) => typed[key] === "");
	if (missing) return { outcome: "refused", reason: `${missing.label} is missing.` };
	const client = kind.connect({ account, credentials: typed });
	const health = await client.check().finally(() => client.close());
	if (health.health === "red") return { outcome: "refused", reason: health.reason };
	// The way to sign in that worked (`auth`) belongs to the keys: without it the next call would be refused.
	const auth = health.detail.auth === undefined ? {} : { auth: health.detail.auth };
	return { outcome: "good", credentials: { ...typed, ...auth }, settings: { account: health.detail } };
}
