import { Pool } from "undici";
import { shopifyDelivery, shopifyOrder } from "../tests/kit/senders.ts";
import { percentile } from "./harness.ts";

/** Sends a web process messages at an even pace from a process of its own, and says how long the slowest of a hundred took. */
export type LiveSender = { origin: string; shop: string; everyMs: number };

const { origin, shop, everyMs } = JSON.parse(process.argv[2] ?? "") as LiveSender;
const client = new Pool(origin, { connections: 16, pipelining: 1 });
let next = 1;
let took: Promise<number>[] = [];

async function send(): Promise<number> {
	const id = next++;
	const { path, headers, body } = shopifyDelivery({ shop, topic: "orders/updated", body: shopifyOrder(id), webhookId: `live-${id}` });
	const sentAt = performance.now();
	const answer = await client.request({ method: "POST", path, headers, body });
	await answer.body.dump();
	if (answer.statusCode !== 200) throw new Error(`${origin} answered ${answer.statusCode}`);
	return performance.now() - sentAt;
}

let isPaused = false;
setInterval(() => !isPaused && took.push(send()), everyMs);
/** Asked for its figure, it says that of what was sent since it was asked last. */
process.on("message", async (word: "p99" | "pause" | "go") => {
	isPaused = word === "pause";
	if (word !== "p99") return;
	const sent = took;
	took = [];
	process.send?.(percentile(await Promise.all(sent), 99));
});
process.on("disconnect", () => process.exit(0));
