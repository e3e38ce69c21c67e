import type { Queryable } from "#app/db.server.ts";
import { ownWords } from "#domain";

export type Health = { health: "green" } | { health: "degraded" | "red"; reason: string };

/**
 * Sets a connection's light; the reason is kept as a merchant reads it. `health_since` moves only when the colour changes, so that
 * "red since" stays true.
 */
export async function setHealth(db: Queryable, shopId: number, connectionId: number, to: Health): Promise<void> {
	await db.query(`UPDATE connection SET ${assignments} WHERE shop_id = $3 AND id = $4 AND ${differs}`, [
		...values(to),
		shopId,
		connectionId,
	]);
}

/**
 * Trouble that only a look at the account has found. It never hides what delivery or a refused renewal has found, and is over with the
 * next good answer.
 */
export async function noteTrouble(db: Queryable, shopId: number, connectionId: number, reason: string): Promise<void> {
	await db.query(
		`UPDATE connection SET health = 'degraded', health_reason = $3, health_since = CASE WHEN health = 'degraded' THEN health_since ELSE now() END,
		   health_by_check = true, updated_at = now()
		 WHERE shop_id = $1 AND id = $2 AND (health = 'green' OR health_by_check)`,
		[shopId, connectionId, ownWords(reason)],
	);
}

/**
 * A call was refused for the account's access. The account is looked at at once (check-health.ts), which says in plain words what
 * is wrong; until then, and while it is red already, what stands there stays.
 */
export async function noteRefusal(db: Queryable, shopId: number, connectionId: number, reason: string): Promise<void> {
	await db.query(`UPDATE connection SET ${assignments}, health_checked_at = NULL WHERE shop_id = $3 AND id = $4 AND health <> 'red'`, [
		...values({ health: "red", reason }),
		shopId,
		connectionId,
	]);
}

/** What was told by a look at the account, or by a refusal, and not by delivery's breaker (it asks by itself), is over. */
export async function clearTrouble(db: Queryable, shopId: number, connectionId: number): Promise<void> {
	await db.query(`${clearStatement} AND (health = 'red' OR health_by_check)`, [shopId, connectionId]);
}

/**
 * The same by a look at the account that answered. A refusal outlives the look that it has caused (no look has been noted since):
 * what was refused may be refused again although the account answers, and to be told of, it must last. The next regular look takes
 * it away.
 */
export async function clearByLook(db: Queryable, shopId: number, connectionId: number): Promise<void> {
	await db.query(`${clearStatement} AND (health_by_check OR (health = 'red' AND health_checked_at IS NOT NULL))`, [shopId, connectionId]);
}

const clearStatement = `
UPDATE connection SET health = 'green', health_reason = NULL, health_since = now(), health_by_check = false, updated_at = now()
WHERE shop_id = $1 AND id = $2 AND breaker_failures = 0`;

/** As setHealth, for a shop's home connection, by the shop's domain: where a token is refused only the domain is known. */
export async function setHomeHealth(db: Queryable, shopDomain: string, to: Health): Promise<void> {
	await db.query(
		`UPDATE connection SET ${assignments}
		 WHERE is_home AND state <> 'disconnected' AND shop_id = (SELECT id FROM shop WHERE domain = $3) AND ${differs}`,
		[...values(to), shopDomain],
	);
}

const assignments = `health = $1, health_reason = $2, health_since = CASE WHEN health = $1 THEN health_since ELSE now() END, health_by_check = false,
  updated_at = now()`;
const differs = `(health, health_reason) IS DISTINCT FROM ($1::text, $2::text)`;
const values = (to: Health) => [to.health, to.health === "green" ? null : ownWords(to.reason)];
