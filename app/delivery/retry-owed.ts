import { recordAudit } from "#app/connections/audit.ts";
import { type Pool, transactionWithRetry } from "#app/db.server.ts";
import { postponeOwed } from "#ledger";

/**
 * What home has refused is told it again now instead of after its pause, under a new key as always. Nothing happens where
 * nothing is owed any more. The letter stays open until home has taken it. Who asked for it is written in the same transaction.
 */
export async function retryOwed(
	pool: Pool,
	shopId: number,
	which: { stock: readonly { itemId: number; locationId: number }[]; homeId: number; actor: string },
): Promise<void> {
	await transactionWithRetry(pool, async (tx) => {
		await postponeOwed(tx, shopId, which.stock, 0);
		await recordAudit(tx, shopId, {
			actor: which.actor,
			action: "updates.retried",
			subject: String(which.homeId),
			after: { stock: which.stock },
		});
	});
}
