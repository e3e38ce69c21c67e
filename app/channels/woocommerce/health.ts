import { z } from "zod";
import type { AccountAccess, HealthReport } from "../channel.ts";
import {
	ChannelError,
	ChannelTimeoutError,
	ChannelUnavailableError,
	CredentialsRejectedError,
	RequestRejectedError,
	UnexpectedShapeError,
} from "../errors.ts";
import { accountOf } from "./account.ts";
import { clockOf, createClient } from "./client.ts";
import { parse } from "./mapping.ts";

/**
 * Signs in to the real store and looks whether Lockstep can work with it: reads, may write, counts stock, is new enough. Every
 * refusal is a sentence that tells the merchant what to do. What it finds out about the way to sign in (`detail.auth`)
 * is to be kept with the credentials.
 */
export async function check(access: AccountAccess): Promise<HealthReport> {
	try {
		return await examine(access);
	} catch (error) {
		if (error instanceof Refusal) return { health: "red", reason: error.message, error: error.error };
		if (error instanceof ChannelError) return { health: "red", reason: reasonFor(error), error };
		throw error;
	}
}

async function examine(access: AccountAccess): Promise<HealthReport> {
	const site = await readIndex(access);
	if (!site.namespaces.includes("wc/v3")) {
		throw refuse("WooCommerce's REST API is switched off in this WordPress. Activate the WooCommerce plugin, then try again.");
	}
	const { status, auth, clock } = await signIn(access);
	const client = createClient({ ...access, credentials: { ...access.credentials, auth } });

	const { version } = status.environment;
	if (isOlder(version, OLDEST)) {
		throw refuse(
			`This store runs WooCommerce ${version}; Lockstep needs ${OLDEST} or newer, since older ones cannot say which orders changed.`,
		);
	}
	const home = accountOf(new URL(status.environment.home_url));
	if (home !== access.account) throw refuse(`The store calls itself ${home}. Enter that address: its messages come under it.`);

	const settings = parse(
		settingsSchema,
		await client.get("check.settings", "/settings/products", { _fields: "id,value" }),
		"list of settings",
	);
	if (settings.find((setting) => setting.id === "woocommerce_manage_stock")?.value !== "yes") {
		throw refuse("Stock management is off in this store. Switch it on in WooCommerce under Settings, Products, Inventory.");
	}
	// Nothing to update: the permission is checked before the content, and nothing changes (measured on 11.0.1).
	await client.post("check.write", "/products/batch", { update: [] });

	return {
		health: "green",
		account: access.account,
		detail: {
			name: site.name,
			version,
			wordpress: status.environment.wp_version ?? "",
			orderStorage: status.settings.HPOS_enabled === true ? "HPOS" : "posts",
			timeZone: site.timezone_string || `UTC${site.gmt_offset < 0 ? "" : "+"}${site.gmt_offset}`,
			currency: status.settings.currency,
			auth,
			clock,
		},
	};
}

/** `modified_after` and `dates_are_gmt` came with 5.8 (woocommerce/woocommerce pull request 30585). */
export const OLDEST = "5.8.0";

const indexSchema = z.object({
	name: z.string().default(""),
	gmt_offset: z.coerce.number().default(0),
	timezone_string: z.string().default(""),
	namespaces: z.array(z.string()),
});
const INDEX_FIELDS = "name,url,home,gmt_offset,timezone_string,namespaces";

/** WordPress' own index, open to everybody: the only place that tells the store's time zone. */
async function readIndex(access: AccountAccess): Promise<z.infer<typeof indexSchema>> {
	const client = createClient(access);
	try {
		const index = await client.exchange({
			operation: "check.index",
			method: "GET",
			path: "/",
			query: { _fields: INDEX_FIELDS },
			public: true,
		});
		return parse(indexSchema, index.value, "index");
	} catch (error) {
		if (!(error instanceof ChannelUnavailableError)) throw error;
		const status = error.httpStatus ?? 0;
		if (status >= 300 && status < 400) {
			throw refuse(
				"The store redirects to another address. Enter the address that your browser shows when you open the store (with or without www).",
				error,
			);
		}
		if (status === 404) {
			throw refuse(
				"There is no WordPress REST API at this address. In WordPress choose any permalink structure but “Plain” under Settings, Permalinks; if the store is in a sub-folder, enter the address with it.",
				error,
			);
		}
		throw error;
	}
}

const statusSchema = z.object({
	environment: z.object({ home_url: z.url(), version: z.string().min(1), wp_version: z.string().optional() }),
	settings: z.object({ currency: z.string(), HPOS_enabled: z.boolean().optional() }),
});
const settingsSchema = z.array(z.object({ id: z.string(), value: z.unknown() }));

/** By header; where that is stripped on the way, by query, as WooCommerce's documentation has it. */
async function signIn(access: AccountAccess) {
	const attempt = async (auth: "header" | "query") => {
		const client = createClient({ ...access, credentials: { ...access.credentials, auth } });
		const { value, answer } = await client.exchange({
			operation: "check.status",
			method: "GET",
			path: "/system_status",
			query: { _fields: "environment,settings" },
		});
		return { status: parse(statusSchema, value, "system status"), auth, clock: clockOf(answer).answered };
	};
	try {
		return await attempt("header");
	} catch (error) {
		// An unknown key and a header that never arrived look the same.
		if (!(error instanceof CredentialsRejectedError) || error.httpStatus !== 401 || error.code !== "woocommerce_rest_cannot_view")
			throw error;
		return await attempt("query");
	}
}

const settingUp = "Create a key with Read/Write permission for an administrator in WooCommerce under Settings, Advanced, REST API.";

function reasonFor(error: ChannelError): string {
	if (error instanceof CredentialsRejectedError) {
		if (error.httpStatus === 403) return `The user of this API key may not manage the store. ${settingUp}`;
		if (error.message.includes("write permissions")) return `This API key may only read. ${settingUp}`;
		if (error.message.includes("read permissions")) return `This API key may only write. ${settingUp}`;
		if (error.message.includes("secret is invalid")) return "The consumer secret does not belong to this consumer key. Copy both again.";
		return `The store does not know this API key; it may have been revoked. ${settingUp}`;
	}
	if (error instanceof ChannelTimeoutError) return "The store did not answer in time. Lockstep tries again by itself.";
	if (error instanceof ChannelUnavailableError) {
		if (error.code === "unsafe-host") return "This address does not lead to a store on the public internet.";
		if (error.code === "ENOTFOUND") return "There is no server under this address. Check its spelling.";
		if (error.code !== undefined && /CERT|TLS|SSL|ALTNAME|SELF_SIGNED|LEAF_SIGNATURE/.test(error.code)) {
			return `The store's certificate is not valid (${error.code}), so the connection would not be safe.`;
		}
		if (error.httpStatus === 401) return "The server asks for a password before the store is reached. Take the protection off /wp-json.";
		if (error.httpStatus === 403) return "A firewall or security plugin turns Lockstep away. Allow requests to /wp-json/wc/v3.";
		if (error.httpStatus === 503) return "The store is in maintenance. Lockstep tries again by itself.";
		if (error.httpStatus !== undefined && error.httpStatus < 300)
			return `The store's answers cannot be read: ${afterColon(error.message)}.`;
		return `The store cannot be reached: ${afterColon(error.message)}. Lockstep tries again by itself.`;
	}
	if (error instanceof UnexpectedShapeError) return `The store answers in a way that Lockstep does not know: ${error.message}`;
	return `The store refuses: ${afterColon(error.message)}`;
}

const afterColon = (message: string): string => message.slice(message.indexOf("): ") + (message.includes("): ") ? 3 : 1));

class Refusal extends Error {
	readonly error: ChannelError;
	constructor(reason: string, error: ChannelError) {
		super(reason);
		this.error = error;
	}
}
const refuse = (reason: string, cause?: ChannelError): Refusal => new Refusal(reason, cause ?? new RequestRejectedError(reason));

function isOlder(version: string, than: string): boolean {
	const parts = (text: string) => text.split(/[.-]/).map((part) => Number.parseInt(part, 10) || 0);
	const [a, b] = [parts(version), parts(than)];
	for (let at = 0; at < 3; at++) if ((a[at] ?? 0) !== (b[at] ?? 0)) return (a[at] ?? 0) < (b[at] ?? 0);
	return false;
}
