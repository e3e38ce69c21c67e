import { createSpool } from "./spool.ts";

/** Spools as fast as it can and says of each record that it is kept, until it is killed. */
const spool = createSpool({ directory: process.argv[2] ?? "" });
const writer = async (name: string) => {
	for (let i = 0; ; i++) {
		const deliveryKey = `${name}${i}`;
		const row = { shopId: 1, connectionId: 1, topic: "order.updated", source: "webhook", payload: { id: i }, event: null } as const;
		const kept = await spool.append([{ ...row, deliveryKey, correlationId: "c", occurredAt: null }]);
		if (kept === "spooled") process.send?.(deliveryKey);
	}
};
await Promise.all(["a", "b", "c", "d"].map(writer));
