import { createServer, request as httpRequest, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Clock } from "../../../clock.ts";
import { createWorld, type World } from "../../../world.ts";
import { createWooStore, type WooStore, type WooStoreOptions } from "../index.ts";
import type { Gap } from "../shop.ts";
import type { Product } from "../state.ts";

/** The store of the recordings, its clock in the test's hand, and a receiver for its webhooks. */
export type Stage = {
	world: World;
	store: WooStore;
	/** Sets the store's clock; tasks that fall due run. */
	setTime(iso: string): void;
	send(call: Sent): Promise<Reply>;
	/** Where the webhook receiver really listens. */
	receiver: string;
	/** What the webhook receiver got, in order. */
	received: Received[];
	/** The receiver's answer by path; default 200. */
	answers: Map<string, number>;
	onGap: { run: ((where: Gap) => void | Promise<void>) | null };
	/** Called when the receiver got something, before it answers. */
	onReceived: { run: (() => void) | null };
	close(): Promise<void>;
};
type Sent = { method: string; path: string; headers?: Record<string, string>; body?: string; plain?: boolean };
export type Reply = { status: number; headers: IncomingHttpHeaders; text: string };
export type Received = { method: string; path: string; headers: IncomingHttpHeaders; httpVersion: string; body: string };

export const KEYS = {
	read_write: ["ck_00000000000000000000000000000000example1", "cs_00000000000000000000000000000000example1"],
	read: ["ck_00000000000000000000000000000000example2", "cs_00000000000000000000000000000000example2"],
	write: ["ck_00000000000000000000000000000000example3", "cs_00000000000000000000000000000000example3"],
	customer: ["ck_00000000000000000000000000000000example4", "cs_00000000000000000000000000000000example4"],
} as const;

/** Where the recorded store sent its webhooks. */
export const RECEIVER = "http://127.0.0.1:45390";

export async function createStage(options: Partial<WooStoreOptions> = {}): Promise<Stage> {
	const clock = handClock(Date.parse("2026-11-21T04:37:00.000Z"));
	const world: World = { ...createWorld({ seed: 11 }), clock };
	const onGap: Stage["onGap"] = { run: null };
	const onReceived: Stage["onReceived"] = { run: null };
	const store = createWooStore(world, {
		host: "store.example",
		queue: { kind: "manual" },
		maxConcurrency: 100,
		onGap: (where) => onGap.run?.(where),
		...options,
	});
	for (const [name, [consumerKey, consumerSecret]] of Object.entries(KEYS)) {
		const permission = name === "read" || name === "write" ? name : "read_write";
		store.state.keys.set(consumerKey, {
			id: 1,
			consumerKey,
			consumerSecret,
			permission,
			shopRights: name !== "customer",
			nonces: new Map(),
		});
	}
	const received: Received[] = [];
	const answers = new Map<string, number>();
	const receiver = await listenForWebhooks(received, answers, onReceived);
	world.route(RECEIVER, receiver.origin);
	const origin = await world.listen();

	return {
		world,
		store,
		receiver: receiver.origin,
		received,
		answers,
		onGap,
		onReceived,
		setTime: (iso) => clock.set(Date.parse(iso)),
		send: ({ method, path, headers = {}, body, plain }) =>
			new Promise((resolve, reject) => {
				const out = httpRequest(
					origin + path,
					{ method, headers: { ...headers, host: "store.example", ...(plain ? { "x-sandbox-scheme": "http" } : {}) } },
					(reply) => {
						let text = "";
						reply.setEncoding("utf8").on("data", (chunk: string) => {
							text += chunk;
						});
						reply.on("end", () => resolve({ status: reply.statusCode ?? 0, headers: reply.headers, text }));
					},
				);
				out.on("error", reject);
				out.end(body);
			}),
		async close() {
			await world.close();
			receiver.server.closeAllConnections();
			await new Promise<void>((resolve) => receiver.server.close(() => resolve()));
		},
	};
}

function listenForWebhooks(
	received: Received[],
	answers: Map<string, number>,
	onReceived: Stage["onReceived"],
): Promise<{ server: Server; origin: string }> {
	const server = createServer((request, response) => {
		let body = "";
		request.setEncoding("utf8").on("data", (chunk: string) => {
			body += chunk;
		});
		request.on("end", () => {
			const path = request.url ?? "/";
			received.push({ method: request.method ?? "", path, headers: request.headers, httpVersion: request.httpVersion, body });
			onReceived.run?.();
			const status = answers.get(path) ?? 200;
			response.writeHead(status, status >= 300 && status < 400 ? { location: `${RECEIVER}/elsewhere` } : {}).end();
		});
	});
	return new Promise((resolve) => {
		server.listen(0, "127.0.0.1", () => resolve({ server, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }));
	});
}

/** A clock that stands still until it is set. */
function handClock(start: number): Clock & { set(ms: number): void } {
	let current = start;
	let tasks: { due: number; task: () => void }[] = [];
	const runDue = () => {
		const due = tasks.filter((t) => t.due <= current).sort((a, b) => a.due - b.due);
		tasks = tasks.filter((t) => t.due > current);
		for (const { task } of due) task();
	};
	const after = (ms: number, task: () => void) => {
		const entry = { due: current + ms, task };
		tasks.push(entry);
		return () => {
			tasks = tasks.filter((t) => t !== entry);
		};
	};
	const set = (ms: number) => {
		current = ms;
		runDue();
	};
	return {
		now: () => current,
		after,
		set,
		sleep: (ms) => new Promise((resolve) => void after(ms, resolve)),
		skip: (ms) => set(current + ms),
		stop: () => {
			tasks = [];
		},
	};
}

export const seconds = (iso: string) => Math.floor(Date.parse(`${iso.replace(/Z$/, "")}Z`) / 1000);

/** One row of the recorded store's catalogue. */
export function putProduct(store: WooStore, row: Partial<Product> & { id: number; sku: string; name: string }) {
	const product: Product = {
		type: "simple",
		parentId: 0,
		slug: row.name.toLowerCase().replace(/[^a-z0-9]+/g, "-"),
		status: "publish",
		regularPrice: "1",
		manageStock: true,
		stock: 20,
		stockStatus: "instock",
		backorders: "no",
		lowStockAmount: null,
		attributes: [],
		createdAt: seconds("2026-11-21T04:40:10"),
		modifiedAt: seconds("2026-11-21T04:40:10"),
		totalSales: 0,
		meta: [],
		fields: {},
		...row,
	};
	store.state.products.set(product.id, product);
	store.state.ids.post = Math.max(store.state.ids.post, product.id);
	return product;
}

const TEAS: (Partial<Product> & { id: number; sku: string; name: string })[] = [
	{ id: 24, sku: "TEA-100", name: "Green Tea 100g", regularPrice: "5.00", stock: 14, modifiedAt: seconds("2026-11-21T04:38:49") },
	{ id: 25, sku: "TEA-200", name: "Black Tea 100g", regularPrice: "7.00", stock: 8, modifiedAt: seconds("2026-11-21T04:38:43") },
	{
		id: 26,
		sku: "WRAP-1",
		name: "Gift wrap",
		regularPrice: "2.00",
		manageStock: false,
		stock: null,
		modifiedAt: seconds("2026-11-21T04:38:43"),
	},
];
const SIZES = ["S", "M", "L"];
const size = (options: string[]) => ({ name: "Size", options, position: 0, visible: true, variation: true });

/** Products 24–30: three teas and a T-shirt; as they are after the recordings `product-simple` and `product-variable`. */
export function putTeasAndTee(store: WooStore) {
	for (const tea of TEAS) putProduct(store, { ...tea, createdAt: seconds("2026-11-21T04:38:43") });
	const made = { createdAt: seconds("2026-11-21T04:38:49") };
	const stamp = seconds("2026-11-21T04:38:51");
	putProduct(store, {
		...made,
		id: 27,
		sku: "TEE",
		name: "Tee",
		type: "variable",
		regularPrice: "",
		manageStock: false,
		stock: null,
		attributes: [size(SIZES)],
		modifiedAt: stamp,
	});
	const numbers = [2, 9, null];
	for (const [index, letter] of SIZES.entries()) {
		putProduct(store, {
			...made,
			id: 28 + index,
			sku: `TEE-${letter}`,
			name: letter,
			slug: `tee-${letter.toLowerCase()}`,
			type: "variation",
			parentId: 27,
			regularPrice: "15",
			manageStock: index === 0,
			stock: numbers[index] ?? null,
			attributes: [size([letter])],
			modifiedAt: index === 1 ? stamp : seconds("2026-11-21T04:38:49"),
		});
	}
}

/** Products 31–165: `Bulk 000` … `Bulk 134`, ten pieces each, price 1, made between 04:40:10 and 04:40:14. */
export function putBulk(store: WooStore, { stock = 10 }: { stock?: number } = {}) {
	for (let n = 0; n < 135; n++) {
		const number = String(n).padStart(3, "0");
		const at = seconds("2026-11-21T04:40:10") + Math.min(4, Math.floor(n / 30));
		putProduct(store, { id: 31 + n, sku: `BULK-${number}`, name: `Bulk ${number}`, stock, createdAt: at, modifiedAt: at });
	}
}
