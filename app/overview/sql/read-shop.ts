import type { Queryable } from "#app/db.server.ts";
import type { FirstImport } from "../overview.ts";

type Row = { as_of: Date; import_state: "pending" | "running" | "done" | "failed"; done: number; total: number; error: string | null };

/** `now()` is the snapshot's moment: every "last 24 hours" of the page is counted back from it. */
export async function readShop(client: Queryable, shopId: number): Promise<{ asOf: string; firstImport: FirstImport }> {
	const { rows } = await client.query<Row>(
		`SELECT now() AS as_of, import_state, import_done AS done, import_total AS total, import_error AS error FROM shop WHERE id = $1`,
		[shopId],
	);
	const [row] = rows;
	if (!row) throw new Error(`There is no shop ${shopId}: whoever asks for its overview was authenticated for it`);
	return { asOf: row.as_of.toISOString(), firstImport: firstImportOf(row) };
}

function firstImportOf(row: Row): FirstImport {
	switch (row.import_state) {
		case "pending":
			return { state: "waiting" };
		case "running":
			return { state: "reading", done: row.done, total: row.total > 0 ? row.total : null };
		case "done":
			return { state: "done" };
		case "failed":
			return { state: "failed", reason: row.error ?? "Shopify did not give a reason." };
	}
}
