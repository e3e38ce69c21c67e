import { randomUUID } from "node:crypto";
import type { AppConfig } from "./app-config.ts";
import type { Stage } from "./happening.ts";
import { shopPayload } from "./payloads.ts";

export type Installation = { installed: boolean; scopes: string[]; closed: 402 | 423 | null };

/** Installing, scopes, uninstalling, erasing. */
export function appLifecycle(
	stage: Stage,
	{
		installation,
		revoke,
		config,
		webhooks,
	}: { installation: Installation; revoke: () => void; config: AppConfig; webhooks: { emit: Stage["emit"] } },
) {
	const { state, world } = stage;
	const say = (topic: string, payload: unknown) =>
		webhooks.emit({
			eventId: randomUUID(),
			at: Math.floor(world.clock.now()),
			topic,
			resourceId: String(state.id),
			payload: () => payload,
		});
	const install = () => {
		installation.installed = true;
		installation.scopes = [...config.scopes];
	};
	const changeScopes = (scopes: string[]) => {
		const previous = installation.scopes;
		installation.scopes = scopes;
		say("app/scopes_update", { id: state.id, previous, current: scopes, updated_at: new Date(world.clock.now()).toISOString() });
	};
	return {
		installed: () => installation.installed,
		scopes: (): readonly string[] => installation.scopes,
		install,
		reinstall: install,
		grantScopes: (...scopes: string[]) => changeScopes([...new Set([...installation.scopes, ...scopes])]),
		revokeScopes: (...scopes: string[]) => changeScopes(installation.scopes.filter((scope) => !scopes.includes(scope))),
		/** The tokens are dead before the webhook is even sent; API-created subscriptions go with them. */
		uninstall() {
			installation.installed = false;
			revoke();
			state.subscriptions.clear();
			say("app/uninstalled", shopPayload(state));
		},
		/** `shop/redact`, which comes about 48 hours after an uninstall. */
		redact: () => say("shop/redact", { shop_id: state.id, shop_domain: state.domain }),
		redactCustomer: (orderIds: readonly number[]) =>
			say("customers/redact", {
				shop_id: state.id,
				shop_domain: state.domain,
				customer: { id: 1, email: "ada@example.com", phone: null },
				orders_to_redact: orderIds,
			}),
		requestCustomerData: (orderIds: readonly number[]) =>
			say("customers/data_request", {
				shop_id: state.id,
				shop_domain: state.domain,
				orders_requested: orderIds,
				customer: { id: 1, email: "ada@example.com", phone: null },
				data_request: { id: 9999 },
			}),
		/** The shop is frozen (402), locked (423), or open again. */
		setClosed(status: 402 | 423 | null) {
			installation.closed = status;
		},
	};
}
