import { NOT_LIVE_YET } from "#app/connections/guests/index.ts";
import { type Pool, transactionWithRetry } from "#app/db.server.ts";
import { channels } from "#channels";
import { CONDITIONS } from "./conditions.ts";
import type { AlertKind } from "./kinds.ts";
import { composeAlerts } from "./mail/compose-alerts.ts";
import { queueMail } from "./mail/queue-mail.ts";

export type Turn = {
	shopId: number;
	id: number;
	kind: AlertKind;
	subject: string;
	detail: Record<string, unknown>;
	turn: "opened" | "over";
};

/**
 * Looks at what is to be told of, in all shops: what is new is noticed, what has lasted long enough is opened, what is gone is
 * over. An alert opens once and is over by itself; both are told in e-mails that the same transaction writes. Every worker may run
 * it, at once, and die anywhere: each turn is one row's, taken under its lock.
 */
export async function lookForAlerts(pool: Pool, { appUrlOf }: { appUrlOf: (domain: string) => string }): Promise<Turn[]> {
	const late = channels().flatMap(({ id, capabilities }) => (capabilities.appliesLater ? [id] : []));
	return transactionWithRetry(
		pool,
		async (tx) => {
			const { rows: turns } = await tx.query<Turn & { quiet: boolean }>(turnStatement, [NOT_LIVE_YET, late]);
			const loud = turns.filter(({ quiet }) => !quiet);
			for (const shopId of new Set(loud.map((turn) => turn.shopId))) {
				const mail = await composeAlerts(tx, shopId, { turns: loud.filter((turn) => turn.shopId === shopId), appUrlOf });
				await queueMail(tx, shopId, { of: "alerts", ...mail });
			}
			return turns.map(({ quiet: _, ...turn }) => turn);
		},
		{ repeatable: true },
	);
}

/**
 * One row changes in one of the parts only: new ones have no row, those that are still there are in `bad`, the others are not.
 * What comes and goes within an hour is told of once.
 */
const turnStatement = `
${CONDITIONS},
fresh AS (
  INSERT INTO alert (shop_id, kind, subject, detail, opened_at, quiet)
  SELECT b.shop_id, b.kind, b.subject, b.detail, CASE WHEN b.for_ms = 0 THEN now() END,
    EXISTS (SELECT FROM alert p WHERE p.shop_id = b.shop_id AND p.kind = b.kind AND p.subject = b.subject AND p.opened_at > now() - interval '1 hour')
  FROM bad b ORDER BY b.shop_id, b.kind, b.subject
  ON CONFLICT (shop_id, kind, subject) WHERE resolved_at IS NULL DO NOTHING
  RETURNING *
),
lasting AS (
  UPDATE alert a SET detail = b.detail, opened_at = CASE WHEN a.opened_at IS NULL AND b.due THEN now() ELSE a.opened_at END
  FROM (SELECT k.shop_id, k.id, bad.detail, k.noticed_at <= now() - bad.for_ms * interval '1 millisecond' AS due
        FROM alert k JOIN bad USING (shop_id, kind, subject)
        WHERE k.resolved_at IS NULL ORDER BY k.shop_id, k.id FOR UPDATE OF k) b
  WHERE a.shop_id = b.shop_id AND a.id = b.id AND (a.detail <> b.detail OR (a.opened_at IS NULL AND b.due))
  RETURNING a.*
),
passed AS (
  DELETE FROM alert a WHERE a.resolved_at IS NULL AND a.opened_at IS NULL
    AND NOT EXISTS (SELECT FROM bad WHERE bad.shop_id = a.shop_id AND bad.kind = a.kind AND bad.subject = a.subject)
),
ended AS (
  UPDATE alert a SET resolved_at = now(),
    -- Switched off is not over: nobody is told that it were.
    quiet = a.quiet OR NOT EXISTS (SELECT FROM rule WHERE rule.shop_id = a.shop_id AND rule.kind = a.kind)
  FROM (SELECT k.shop_id, k.id FROM alert k WHERE k.resolved_at IS NULL AND k.opened_at IS NOT NULL
          AND NOT EXISTS (SELECT FROM bad WHERE bad.shop_id = k.shop_id AND bad.kind = k.kind AND bad.subject = k.subject)
        ORDER BY k.shop_id, k.id FOR UPDATE) gone
  WHERE a.shop_id = gone.shop_id AND a.id = gone.id AND a.resolved_at IS NULL
  RETURNING a.*
)
SELECT shop_id AS "shopId", id, kind, subject, detail, quiet, turn FROM (
  SELECT *, 'opened' AS turn FROM fresh WHERE opened_at IS NOT NULL
  UNION ALL SELECT *, 'opened' FROM lasting WHERE opened_at = now()
  UNION ALL SELECT *, 'over' FROM ended
) turns ORDER BY shop_id, id`;
