import type { Session } from "@shopify/shopify-api";
import { type Client, transaction } from "#app/db.server.ts";
import { channel } from "#channels";
import type { Deps } from "./deps.ts";
import { ensureShop, HOME_CHANNEL } from "./ensure-shop.ts";
import { setHealth } from "./health.ts";

export type ShopAuthenticated = {
	/** installed: first sight. reinstalled: it had left and is back, with its data. known: a token exchange like any other. */
	outcome: "installed" | "reinstalled" | "known";
	shopId: number;
	homeConnectionId: number;
};

/**
 * Runs after every token exchange, and that is all there is to an installation: Shopify installs by itself (managed install),
 * and the first visit is the first we see of a shop, unless its webhooks came before. Called twice at once (two loaders of one
 * page) it does once what is to be done: the shop's row is locked before it is looked at.
 *
 * A shop that comes back keeps what it had. Its figures are read anew, since nobody told us what changed meanwhile.
 */
export async function onShopAuthenticated(
	deps: Deps,
	{ shopDomain, session }: { shopDomain: string; session: Pick<Session, "scope"> },
): Promise<ShopAuthenticated> {
	const result = await transaction(deps.pool, async (tx): Promise<ShopAuthenticated & { importing: boolean }> => {
		const { shopId, homeConnectionId } = await ensureShop(tx, shopDomain);
		const shop = await lockShop(tx, shopId);
		const home = await lockHome(tx, shopId, homeConnectionId);
		const outcome = shop.state === "uninstalled" ? "reinstalled" : home.state === "connecting" ? "installed" : "known";
		if (outcome === "reinstalled") {
			await tx.query(reinstallStatement, [shopId]);
			// What was refused before says nothing of the access that was granted now.
			await tx.query("UPDATE connection SET breaker_failures = 0, breaker_until = NULL WHERE shop_id = $1", [shopId]);
		}
		if (outcome === "installed") await tx.query(`UPDATE shop SET installed_at = clock_timestamp() WHERE id = $1`, [shopId]);
		if (home.state === "connecting" || home.state === "disconnected") {
			await tx.query(`UPDATE connection SET state = 'live', updated_at = now() WHERE shop_id = $1 AND id = $2`, [shopId, homeConnectionId]);
		}
		await noteScopes(tx, { shopId, homeConnectionId, granted: (session.scope ?? "").split(",") });
		if (outcome !== "known") {
			await tx.query(`INSERT INTO audit (shop_id, actor, action, subject) VALUES ($1, 'system', $2, $3)`, [
				shopId,
				`shop.${outcome}`,
				shopDomain,
			]);
		}
		// A visit is also how a merchant tries a failed import again.
		if (outcome === "known" && shop.importState === "failed") await tx.query(restartImportStatement, [shopId]);
		return { outcome, shopId, homeConnectionId, importing: outcome !== "known" || shop.importState !== "done" };
	});
	// After the commit; the sweeper finds an import that nobody was woken for.
	if (result.importing) await deps.wake("shopify.import", { shopId: result.shopId });
	const { importing: _, ...answer } = result;
	if (answer.outcome !== "known") deps.log.info({ shopId: answer.shopId, shopDomain }, `shop.${answer.outcome}`);
	return answer;
}

const FRESH_IMPORT = `import_state = 'pending', import_started_at = NULL, import_finished_at = NULL, import_total = 0, import_done = 0,
  import_error = NULL, import_progress = '{}'`;

/** A later installation: what speaks of an earlier one no longer acts. The import starts anew and what it found before stays. */
const reinstallStatement = `
UPDATE shop SET state = 'installed', installation = installation + 1, installed_at = clock_timestamp(), uninstalled_at = NULL, ${FRESH_IMPORT}
WHERE id = $1`;
const restartImportStatement = `UPDATE shop SET ${FRESH_IMPORT} WHERE id = $1`;

/** What is missing is said where the connection is shown; everything that it touches would fail one by one. */
export async function noteScopes(
	tx: Client,
	{ shopId, homeConnectionId, granted }: { shopId: number; homeConnectionId: number; granted: readonly string[] },
): Promise<void> {
	const missing = channel(HOME_CHANNEL).missingScopes?.(granted.map((scope) => scope.trim())) ?? [];
	await tx.query(
		`UPDATE connection SET settings = jsonb_set(settings, '{missingScopes}', $3::jsonb), updated_at = now() WHERE shop_id = $1 AND id = $2`,
		[shopId, homeConnectionId, JSON.stringify(missing)],
	);
	const reason = `The shop has not granted ${missing.join(", ")}. Open the app in the Shopify admin and approve it.`;
	await setHealth(tx, shopId, homeConnectionId, missing.length === 0 ? { health: "green" } : { health: "red", reason });
}

export async function lockShop(tx: Client, shopId: number): Promise<LockedShop> {
	const { rows } = await tx.query<LockedShop>(
		`SELECT domain, state, installation, installed_at AS "installedAt", uninstalled_at AS "uninstalledAt", import_state AS "importState"
		 FROM shop WHERE id = $1 FOR NO KEY UPDATE`,
		[shopId],
	);
	const [shop] = rows;
	if (!shop) throw new Error(`There is no shop ${shopId}`);
	return shop;
}
export type LockedShop = {
	domain: string;
	state: "installed" | "uninstalled";
	installation: number;
	installedAt: Date;
	uninstalledAt: Date | null;
	importState: "pending" | "running" | "done" | "failed";
};

async function lockHome(tx: Client, shopId: number, connectionId: number): Promise<{ state: string }> {
	const { rows } = await tx.query<{ state: string }>(`SELECT state FROM connection WHERE shop_id = $1 AND id = $2 FOR UPDATE`, [
		shopId,
		connectionId,
	]);
	const [home] = rows;
	if (!home) throw new Error(`Shop ${shopId} has no home connection ${connectionId}`);
	return home;
}
