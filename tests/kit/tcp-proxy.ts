import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export type TcpProxy = {
	/** `url` with its host and port replaced by the proxy's. */
	through(url: string): string;
	/** Breaks every connection and refuses new ones, as a server that died. */
	cut(): void;
	/** Lets nothing through and says nothing, as a network that swallows packets. */
	hang(): void;
	restore(): void;
	close(): Promise<void>;
};

/** Stands between the app and its database, so that a test can take the database away from one process and give it back. */
export async function startTcpProxy(target: string): Promise<TcpProxy> {
	const { hostname, port } = new URL(target);
	let state: "open" | "cut" | "hung" = "open";
	const pairs = new Set<[Socket, Socket]>();

	const server = createServer((near) => {
		if (state === "cut") {
			near.destroy();
			return;
		}
		const far = connect(Number(port), hostname);
		const pair: [Socket, Socket] = [near, far];
		pairs.add(pair);
		for (const [from, to] of [pair, [far, near] as const]) {
			from.on("data", (chunk) => {
				if (state !== "hung") to.write(chunk);
			});
			from.on("error", () => to.destroy());
			from.on("close", () => {
				to.destroy();
				pairs.delete(pair);
			});
		}
	});
	server.listen(0, "127.0.0.1");
	await once(server, "listening");
	const breakAll = () => {
		for (const [near, far] of pairs) {
			near.destroy();
			far.destroy();
		}
	};
	return {
		through: (url) => Object.assign(new URL(url), { host: `127.0.0.1:${(server.address() as AddressInfo).port}` }).href,
		cut() {
			state = "cut";
			breakAll();
		},
		hang() {
			state = "hung";
		},
		restore() {
			// What was swallowed is gone: such connections are broken, as the network's own timeouts would do.
			if (state === "hung") breakAll();
			state = "open";
		},
		async close() {
			breakAll();
			server.close();
			await once(server, "close");
		},
	};
}
