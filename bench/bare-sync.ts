import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { Pool } from "undici";

/**
 * The floor of the lag benches, a process of its own: an order webhook comes in, one PUT goes out. It checks the signature and
 * keeps its count in memory; it survives nothing, misses nothing only while nothing goes wrong, and keeps no budget.
 * `node bench/bare-sync.ts PORT FILE`, the file being a BareSync.
 */
export type BareSync = {
	secret: string;
	sandboxOrigin: string;
	storeHost: string;
	authorization: string;
	products: Record<string, Product>;
};
type Product = { id: number; quantity: number };

/** As many requests at once as the played store takes without complaint. */
const CONNECTIONS = 8;

const [port = "", file = ""] = process.argv.slice(2);
const { secret, sandboxOrigin, storeHost, authorization, products } = JSON.parse(readFileSync(file, "utf8")) as BareSync;
const counted = new Set<number>();
const underWay = new Set<Product>();
const store = new Pool(sandboxOrigin, { connections: CONNECTIONS });

const server = createServer((request, response) => {
	const chunks: Buffer[] = [];
	request.on("data", (chunk: Buffer) => chunks.push(chunk));
	request.on("end", () => {
		const body = Buffer.concat(chunks);
		const isSigned = request.headers["x-shopify-hmac-sha256"] === createHmac("sha256", secret).update(body).digest("base64");
		response.writeHead(isSigned || request.method !== "POST" ? 200 : 401).end();
		if (!isSigned || request.headers["x-shopify-topic"] !== "orders/create") return;
		const order = JSON.parse(body.toString("utf8")) as { id: number; line_items: { sku: string; quantity: number }[] };
		// Shopify repeats what it has waited for too long; without this the floor is out of step on a busy machine.
		if (counted.has(order.id)) return;
		counted.add(order.id);
		for (const line of order.line_items) {
			const product = products[line.sku];
			if (!product) continue;
			product.quantity -= line.quantity;
			send(product).catch((error: unknown) => process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`));
		}
	});
});

/** One request per product at a time, the newest figure each: of two at once the older might land last. */
async function send(product: Product): Promise<void> {
	if (underWay.has(product)) return;
	underWay.add(product);
	try {
		for (let sent: number | undefined; sent !== product.quantity; ) {
			sent = product.quantity;
			await put(product);
		}
	} finally {
		underWay.delete(product);
	}
}

async function put({ id, quantity }: Product): Promise<void> {
	const { statusCode, body } = await store.request({
		method: "PUT",
		path: `/wp-json/wc/v3/products/${id}`,
		headers: { host: storeHost, authorization, "content-type": "application/json" },
		body: JSON.stringify({ stock_quantity: quantity }),
	});
	const text = await body.text();
	if (statusCode !== 200) throw new Error(`${statusCode} ${text.slice(0, 300)}`);
}

server.listen(Number(port), "127.0.0.1");
process.on("SIGTERM", () => process.exit(0));
