import type { Queryable } from "#app/db.server.ts";

export type Health = { health: "green" } | { health: "degraded" | "red"; reason: string };

/** Sets a connection's light. `health_since` moves only when the colour changes, so that "red since" stays true. */
export async function setHealth(db: Queryable, shopId: number, connectionId: number, to: Health): Promise<void> {
	await db.query(`UPDATE connection SET ${assignments} WHERE shop_id = $3 AND id = $4 AND ${differs}`, [
		...values(to),
		shopId,
		connectionId,
	]);
}

/** A refusal that was told by a look at the account, and not by delivery's breaker (it asks by itself), is over: the account answers. */
export async function clearRefusal(db: Queryable, shopId: number, connectionId: number): Promise<void> {
	await db.query(
		`UPDATE connection SET health = 'green', health_reason = NULL, health_since = now(), updated_at = now()
		 WHERE shop_id = $1 AND id = $2 AND health = 'red' AND breaker_failures = 0`,
		[shopId, connectionId],
	);
}

/** As setHealth, for a shop's home connection, by the shop's domain: where a token is refused only the domain is known. */
export async function setHomeHealth(db: Queryable, shopDomain: string, to: Health): Promise<void> {
	await db.query(
		`UPDATE connection SET ${assignments}
		 WHERE is_home AND state <> 'disconnected' AND shop_id = (SELECT id FROM shop WHERE domain = $3) AND ${differs}`,
		[...values(to), shopDomain],
	);
}

const assignments = `health = $1, health_reason = $2, health_since = CASE WHEN health = $1 THEN health_since ELSE now() END, updated_at = now()`;
const differs = `(health, health_reason) IS DISTINCT FROM ($1::text, $2::text)`;
const values = (to: Health) => [to.health, to.health === "green" ? null : to.reason];
