import { openRuntime } from "../server/runtime.ts";

/** Prints what could not succeed and is open, shop by shop, as JSON. Needs the environment of the app. */
const runtime = await openRuntime({ name: "failures", mayEmbed: false });
try {
	const failures = await runtime.pool.query(
		`SELECT s.domain AS shop, c.account, d.direction, d.operation, l.sku, d.error_class AS "errorClass", d.error
		 FROM dead_letter d JOIN shop s ON s.id = d.shop_id
		 LEFT JOIN connection c ON c.shop_id = d.shop_id AND c.id = d.connection_id
		 LEFT JOIN listing l ON l.shop_id = d.shop_id AND l.id = d.listing_id
		 WHERE d.state = 'open' ORDER BY d.id`,
	);
	process.stdout.write(`${JSON.stringify(failures.rows)}\n`);
} finally {
	await runtime.close();
}
process.exit(0);
