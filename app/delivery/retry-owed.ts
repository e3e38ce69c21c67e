import type { Pool } from "#app/db.server.ts";
import { transaction } from "#app/db.server.ts";
import { postponeOwed } from "#ledger";

/**
 * What home has refused is told it again now instead of after its pause, under a new key as always. Nothing happens where
 * nothing is owed any more. The letter stays open until home has taken it.
 */
export async function retryOwed(pool: Pool, shopId: number, stock: readonly { itemId: number; locationId: number }[]): Promise<void> {
	if (stock.length > 0) await transaction(pool, (tx) => postponeOwed(tx, shopId, stock, 0));
}
