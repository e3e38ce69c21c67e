import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";
import pg from "pg";

/**
 * The other side of the ingest bench, a process of its own: what a webhook receiver does at least. It reads the body, checks
 * the signature and inserts one row; no dedupe, no allow-list, no queue. Its only argument is a BareIngest as JSON.
 */
export type BareIngest = { port: number; databaseUrl: string; databaseConnections: number; secret: string };

const { port, databaseUrl, databaseConnections, secret } = JSON.parse(process.argv[2] ?? "") as BareIngest;
const pool = new pg.Pool({ connectionString: databaseUrl, max: databaseConnections, application_name: "bench bare ingest" });
await pool.query(
	"CREATE TABLE IF NOT EXISTS bench_webhook (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, topic text NOT NULL, payload jsonb NOT NULL, received_at timestamptz NOT NULL DEFAULT now())",
);

const server = createServer((request, response) => {
	if (request.method !== "POST") {
		response.writeHead(200).end();
		return;
	}
	const chunks: Buffer[] = [];
	request.on("data", (chunk: Buffer) => chunks.push(chunk));
	request.on("end", () => {
		const body = Buffer.concat(chunks);
		const said = Buffer.from(String(request.headers["x-shopify-hmac-sha256"] ?? ""), "base64");
		const own = createHmac("sha256", secret).update(body).digest();
		if (said.length !== own.length || !timingSafeEqual(said, own)) {
			response.writeHead(401).end();
			return;
		}
		pool
			.query({
				name: "insert",
				text: "INSERT INTO bench_webhook (topic, payload) VALUES ($1, $2)",
				values: [request.headers["x-shopify-topic"], body.toString("utf8")],
			})
			.then(
				() => response.writeHead(200).end(),
				() => response.writeHead(503).end(),
			);
	});
});
server.listen(port, "127.0.0.1");
process.on("SIGTERM", () => process.exit(0));
