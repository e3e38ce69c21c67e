import { type Client, transactionWithRetry } from "#app/db.server.ts";
import type { Deps } from "#connections";
import { DRAFTS_MAX, hasManyDrafts } from "./drafts.ts";
import { encodingOf, FILE_BYTES_MAX } from "./file/read-records.ts";

export type BroughtFile =
	| { outcome: "kept"; changeId: number }
	/** Nothing of it was kept. */
	| { outcome: "refused"; reason: string };

const PART_BYTES = 1_000_000;
const NAME_CHARS_MAX = 120;

/**
 * Keeps a file that a person has brought, to be read by a worker. Nothing is changed by it. `press` is the page's own name for this
 * press: sent twice, it is one file.
 */
export async function bringFile(
	deps: Deps,
	shopId: number,
	{ bytes, name, actor, press }: { bytes: Uint8Array; name: string; actor: string; press: string },
): Promise<BroughtFile> {
	if (bytes.byteLength === 0) return { outcome: "refused", reason: "The file is empty." };
	if (bytes.byteLength > FILE_BYTES_MAX) return { outcome: "refused", reason: "The file is larger than 20 MB. Please split it." };
	if (bytes[0] === 0x50 && bytes[1] === 0x4b) {
		const reason = "This is a spreadsheet, not a CSV file. Save it as “CSV UTF-8 (comma delimited)” and bring that file.";
		return { outcome: "refused", reason };
	}
	const encoding = encodingOf(bytes);
	if (encoding !== "utf-16le" && bytes.includes(0)) return { outcome: "refused", reason: "This is not a text file." };
	const brought = await transactionWithRetry(deps.pool, async (tx): Promise<BroughtFile> => {
		await tx.query("SELECT FROM shop WHERE id = $1 FOR NO KEY UPDATE", [shopId]);
		const known = await tx.query<{ id: number }>("SELECT id FROM bulk_change WHERE shop_id = $1 AND press = $2", [shopId, press]);
		if (known.rows[0]) return { outcome: "kept", changeId: known.rows[0].id };
		if (await hasManyDrafts(tx, shopId))
			return { outcome: "refused", reason: `${DRAFTS_MAX} bulk changes wait to be looked at. Confirm them or put them away first.` };
		const made = await tx.query<{ id: number }>(
			`INSERT INTO bulk_change (shop_id, actor, press, source, name, encoding, total, confirmed_at, read_at)
			 VALUES ($1, $2, $3, 'file', $4, $5, 0, NULL, NULL) RETURNING id`,
			[shopId, actor, press, name.slice(0, NAME_CHARS_MAX), encoding],
		);
		const changeId = made.rows[0]?.id ?? 0;
		await keepParts(tx, { shopId, changeId, bytes });
		return { outcome: "kept", changeId };
	});
	if (brought.outcome === "kept") await deps.wake("backfill.run", { shopId });
	return brought;
}

async function keepParts(tx: Client, { shopId, changeId, bytes }: { shopId: number; changeId: number; bytes: Uint8Array }): Promise<void> {
	for (let part = 0; part * PART_BYTES < bytes.byteLength; part++)
		await tx.query("INSERT INTO bulk_change_file (shop_id, change_id, part, bytes) VALUES ($1, $2, $3, $4)", [
			shopId,
			changeId,
			part,
			Buffer.from(bytes.subarray(part * PART_BYTES, (part + 1) * PART_BYTES)),
		]);
}
