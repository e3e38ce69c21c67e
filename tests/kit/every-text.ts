import type pg from "pg";

/** Every value of every column of the whole database that can hold a text: where a secret must not be found. */
export async function everyText(pool: pg.Pool): Promise<{ table: string; column: string; text: string }[]> {
	const { rows: columns } = await pool.query<{ schema: string; table: string; column: string; type: string }>(
		`SELECT c.table_schema AS schema, c.table_name AS "table", c.column_name AS "column", c.data_type AS type
		 FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
		 WHERE c.table_schema NOT IN ('pg_catalog', 'information_schema') AND t.table_type = 'BASE TABLE'
		   AND c.data_type IN ('text', 'jsonb', 'json', 'character varying', 'bytea', 'ARRAY') ORDER BY 1, 2, 3`,
	);
	const found: { table: string; column: string; text: string }[] = [];
	for (const { schema, table, column, type } of columns) {
		const text = type === "bytea" ? `encode(${quoted(column)}, 'escape')` : `${quoted(column)}::text`;
		const { rows } = await pool.query<{ text: string }>(
			`SELECT ${text} AS text FROM ${quoted(schema)}.${quoted(table)} WHERE ${quoted(column)} IS NOT NULL`,
		);
		found.push(...rows.map((row) => ({ table, column, text: row.text })));
	}
	return found;
}

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;
