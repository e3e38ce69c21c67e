import type { Client } from "#app/db.server.ts";

export type Difference = { listingId: number; expected: number; found: number; cause: "raised-elsewhere" };

/** What a channel showed against what it should have shown, for the person who wonders who else writes there. */
export async function noteDifferences(tx: Client, shopId: number, connectionId: number, differences: readonly Difference[]): Promise<void> {
	if (differences.length === 0) return;
	await tx.query(
		`INSERT INTO difference (shop_id, connection_id, listing_id, expected, found, cause)
		 SELECT $1, $2, * FROM unnest($3::bigint[], $4::int[], $5::int[], $6::text[])`,
		[
			shopId,
			connectionId,
			differences.map((d) => d.listingId),
			differences.map((d) => d.expected),
			differences.map((d) => d.found),
			differences.map((d) => d.cause),
		],
	);
}
