import type { OrderSnapshot } from "#domain";
import type { Order } from "#ledger";

/**
 * Is this snapshot newer than what was applied? A channel's stamp alone is not a version: WooCommerce restocks before it
 * stamps, second by second; so an equal stamp with other content says only "look again". An answer that we asked for after
 * the applied one was known is newer whatever its stamp says.
 */
export function compareVersion(
	known: Pick<Order, "contentHash" | "stamp" | "asOf"> | undefined,
	snapshot: OrderSnapshot,
): "first" | "newer" | "same" | "stale" | "look-again" {
	if (!known) return "first";
	const stamp = Date.parse(snapshot.stamp);
	const sameContent = known.contentHash === snapshot.contentHash;
	if (snapshot.fetched && Date.parse(snapshot.fetched.askedAt) > known.asOf) return sameContent && stamp === known.stamp ? "same" : "newer";
	if (stamp < known.stamp) return "stale";
	if (stamp === known.stamp) return sameContent ? "same" : "look-again";
	return "newer";
}

/** Our clock: the snapshot was true at this moment at the earliest. */
export const asOfOf = (snapshot: OrderSnapshot, receivedAt: number): number =>
	snapshot.fetched ? Date.parse(snapshot.fetched.answeredAt) : receivedAt;
