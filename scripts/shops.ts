import { openRuntime } from "../server/runtime.ts";

/** Prints the installed shops and how far their first import is, as JSON. Needs the environment of the app. */
const runtime = await openRuntime({ name: "shops", mayEmbed: false });
try {
	const shops = await runtime.pool.query(
		`SELECT domain, state, import_state AS "import", import_done AS done, import_total AS total, import_error AS error FROM shop ORDER BY id`,
	);
	process.stdout.write(`${JSON.stringify(shops.rows)}\n`);
} finally {
	await runtime.close();
}
process.exit(0);
