import { ONE_CLICK_CHANNEL } from "#app/connections/guests/index.ts";
import { availableChannels, type Deps } from "#connections";
import { type WayIn, wayInto } from "./read-gallery.ts";

export type ConnectForm = {
	id: string;
	name: string;
	way: WayIn;
	fields: { key: string; label: string; secret: boolean; help: string | null }[];
	choices: { key: string; label: string; options: { value: string; label: string }[] }[];
	/** The store's own page can make the keys and hand them over. */
	hasOneClick: boolean;
	steps: string[];
};

/** Drawn from what the channel asks for. null: there is no such channel to connect on this server. */
export function readConnectForm(deps: Pick<Deps, "env">, id: string): ConnectForm | null {
	const found = availableChannels(deps).find(({ channel, available }) => channel.id === id && available);
	if (!found) return null;
	const { name, credentialFields, authorization } = found.channel;
	return {
		id,
		name,
		way: wayInto(found.channel),
		fields: credentialFields.map(({ key, label, secret, help }) => ({ key, label, secret, help: help ?? null })),
		choices: (authorization?.choices ?? []).map(({ key, label, options }) => ({ key, label, options: options.map((one) => ({ ...one })) })),
		hasOneClick: id === ONE_CLICK_CHANNEL,
		steps: STEPS[id] ?? [],
	};
}

/** Where a merchant finds the keys (woocommerce.com, "WooCommerce REST API", generating API keys; read 2026-11-21). */
const STEPS: Readonly<Record<string, string[]>> = {
	woocommerce: [
		"In your store's WordPress admin, open WooCommerce, then Settings, then Advanced, then REST API.",
		"Choose “Add key”. As user take an administrator, as permissions “Read/Write”, and press “Generate API key”.",
		"Copy both keys here. The store shows them only once.",
	],
};
