/** One single-line bug, the way it would slip in, and the tests that must notice it when it is planted alone. */
export type Mutant = {
	/** What is wrong then, in a sentence without a full stop. */
	name: string;
	file: string;
	/** Stands exactly once in the file. */
	from: string;
	to: string;
	/** Files or folders for vitest. */
	tests: string[];
};

/** Bugs that would oversell, lose or leak without anybody noticing. `npm run mutants` plants them one by one. */
export const mutants: Mutant[] = [
	{
		name: "a wake during a run is dropped",
		file: "app/jobs/queue.ts",
		from: "keepLastIfActive: true",
		to: "keepLastIfActive: false",
		tests: ["app/jobs/queue.test.ts"],
	},
	{
		name: "a sealed text opens in another shop",
		file: "app/crypto.server.ts",
		from: "JSON.stringify([VERSION, keyId, shop, purpose])",
		to: "JSON.stringify([VERSION, keyId, purpose])",
		tests: ["app/crypto.server.test.ts"],
	},
	{
		name: "a swallowed failure inside a transaction counts as a commit",
		file: "app/db.server.ts",
		from: 'if (command !== "COMMIT") throw',
		to: "if (false) throw",
		tests: ["app/db.server.test.ts"],
	},
	{
		name: "an unknown commit is tried again although the work may not happen twice",
		file: "app/db.server.ts",
		from: "(repeatable && error instanceof CommitUnknownError)",
		to: "error instanceof CommitUnknownError",
		tests: ["app/db.server.test.ts"],
	},
	// In.
	{
		name: "any signature is good",
		file: "app/ingest/verify.ts",
		from: "if (expected.length === presented.length && timingSafeEqual(expected, presented)) signed = true;",
		to: "signed = true;",
		tests: ["app/ingest/verify.test.ts"],
	},
	{
		name: "the parsed body is verified instead of the raw bytes",
		file: "app/ingest/verify.ts",
		from: ".update(body)",
		to: ".update(JSON.stringify(JSON.parse(String(body))))",
		tests: ["app/ingest/verify.test.ts"],
	},
	{
		name: "delivery keys without ON CONFLICT",
		file: "app/inbox/append-events.ts",
		from: "  ON CONFLICT DO NOTHING\n",
		to: "",
		tests: ["app/inbox/inbox.test.ts"],
	},
	{
		name: "a delivery is acknowledged before it is committed",
		file: "app/ingest/group-commit.ts",
		from: "		const outcomes = await commitUnits(append, batch);",
		to: "		const outcomes = batch.map(() => ({ outcome: 'committed' as const, inserted: 1 })); void commitUnits(append, batch);",
		tests: ["app/ingest/group-commit.test.ts"],
	},
	{
		name: "a poll that failed half-way moves its watermark",
		file: "app/reconcile/order-poll.ts",
		from: 'return { outcome: "failed", error };',
		to: "void error;",
		tests: ["tests/pipeline/poll-fails.test.ts"],
	},
	{
		name: "an unknown order status counts as none of ours",
		file: "app/channels/woocommerce/mapping.ts",
		from: "status: z.enum([...KEEPING, ...FREE, ...DRAFTS]),",
		to: 'status: z.enum([...KEEPING, ...FREE, ...DRAFTS]).catch("pending"),',
		tests: ["app/channels/woocommerce/mapping.test.ts"],
	},
	{
		name: "a refund without restock frees units",
		file: "app/channels/shopify/held-units.ts",
		from: "Math.min(line.quantity, line.currentQuantity + line.refundedWithoutRestock)",
		to: "Math.min(line.quantity, line.currentQuantity)",
		tests: ["app/channels/shopify/held-units.test.ts"],
	},

	// Applying.
	{
		name: "two drains of one shop at once",
		file: "app/apply/sql/lane.ts",
		from: "WHERE shop_id = $1 FOR UPDATE",
		to: "WHERE shop_id = $1",
		tests: ["app/apply/apply.test.ts"],
	},
	{
		name: "an equal stamp is taken for a duplicate",
		file: "app/apply/decide/version.ts",
		from: 'return sameContent ? "same" : "look-again";',
		to: 'return "same";',
		tests: ["tests/property/bundles.property.test.ts"],
	},
	{
		name: "an older snapshot undoes a newer one",
		file: "app/apply/decide/version.ts",
		from: 'if (stamp < known.stamp) return "stale";',
		to: 'if (stamp < known.stamp) return "newer";',
		tests: ["tests/property/bundles.property.test.ts"],
	},
	{
		name: "a line that a part of an order does not name is taken for removed",
		file: "app/apply/decide/order.ts",
		from: "if (snapshot.complete) {",
		to: "if (snapshot.lines) {",
		tests: ["app/apply/apply.test.ts"],
	},
	{
		name: "an order from before the connection counts as a sale",
		file: "app/apply/decide/order.ts",
		from: "if (change.baseline) return { ...fresh, held: target, baseline: target };",
		to: "",
		tests: ["tests/property/bundles.property.test.ts"],
	},
	{
		name: "a bundle gives back what it is made of today, not what was taken",
		file: "app/apply/decide/order.ts",
		from: "const back = release(line.allocations, counted, fromCounted);",
		to: "const back = release(componentsOf(state, line.itemId as number).map((c) => ({ itemId: c.itemId, locationId: change.connection.locationIds[0] as number, quantity: counted * c.quantity, short: 0 })), counted, fromCounted);",
		tests: ["tests/property/bundles.property.test.ts"],
	},
	{
		name: "a shortage of one unit is not noted",
		file: "app/apply/decide/order.ts",
		from: "if (sign < 0 && allocation.short > 0 &&",
		to: "if (sign < 0 && allocation.short > 1 &&",
		tests: ["tests/property/bundles.property.test.ts"],
	},
	{
		name: "an older reading replaces a newer one",
		file: "app/apply/decide/reading.ts",
		from: "if (stock.homeReadAt !== null && readAt < stock.homeReadAt) return",
		to: "if (stock.homeReadAt !== null && readAt < 0) return",
		tests: ["tests/property/home-readings.property.test.ts"],
	},
	{
		name: "the echo of our own write is taken for an edit",
		file: "app/apply/decide/reading.ts",
		from: "else if (at === readAt || (at === null",
		to: "else if (at === -1 || (at === -1",
		tests: ["tests/property/home-readings.property.test.ts", "app/apply/apply.test.ts"],
	},
	{
		name: "a prediction is never absorbed",
		file: "app/apply/decide/reading.ts",
		from: "for (const effect of contained) absorb(state, effect);",
		to: 'for (const effect of contained) if (effect.kind === "delta") absorb(state, effect);',
		tests: ["tests/property/home-readings.property.test.ts"],
	},

	// What is shown.
	{
		name: "a buffer is not kept back",
		file: "app/domain/policy.ts",
		from: "quantity = sellable - (policy.buffer ?? 0);",
		to: "quantity = sellable + (policy.buffer ?? 0);",
		tests: ["tests/property/bundles.property.test.ts"],
	},
	{
		name: "what is owed is offered for sale",
		file: "app/domain/policy.ts",
		from: "const sellable = Math.max(0, available);",
		to: "const sellable = Math.abs(available);",
		tests: ["tests/property/bundles.property.test.ts"],
	},
	{
		name: "a bundle shows what its best component allows",
		file: "app/listings/desired.ts",
		from: "fewest = Math.min(fewest, Math.floor(net / quantity));",
		to: "fewest = Math.floor(net / quantity);",
		tests: ["tests/property/bundles.property.test.ts"],
	},

	// Out.
	{
		name: "what the channel sold unseen is given back to its buyers",
		file: "app/delivery/plan-write.ts",
		from: "Math.max(0, figures.desired - unseen)",
		to: "Math.max(0, figures.desired)",
		tests: ["app/delivery/plan-write.test.ts"],
	},
	{
		name: "a write without a look at the reading before it",
		file: "app/delivery/plan-write.ts",
		from: "let units = unseen + Math.max(0, shown - reading);",
		to: "let units = unseen;",
		tests: ["app/delivery/plan-write.test.ts"],
	},
	{
		name: "zero does not go first",
		file: "app/delivery/sql/due.ts",
		from: "= 0 THEN 0 WHEN",
		to: "= 0 THEN 1 WHEN",
		tests: ["app/delivery/push-listings.test.ts"],
	},
	{
		name: "a worker writes although its claim is another's by now",
		file: "app/delivery/lane.ts",
		from: "if (kept < claimed.length) throw",
		to: "if (kept < 0) throw",
		tests: ["app/delivery/worst-moments.test.ts"],
	},
	{
		name: "after an unknown outcome the batch goes out under a new key",
		file: "app/delivery/sql/claim-batch.ts",
		from: 'b.idempotency_key AS "idempotencyKey"',
		to: 'gen_random_uuid()::text AS "idempotencyKey"',
		tests: ["app/delivery/push-deltas.test.ts"],
	},
	{
		name: "what home took under a key that grew too old is owed again",
		file: "app/apply/decide/unresolved.ts",
		from: 'return left.length === 1 && left[0] === delta ? "took" : "unclear";',
		to: 'return left.length === 1 && left[0] === delta ? "refused" : "unclear";',
		tests: ["tests/property/expired-key.property.test.ts"],
	},
	{
		name: "an unclear write to home is taken for done",
		file: "app/apply/decide/unresolved.ts",
		from: 'if (left.length === 0) return "refused";',
		to: 'if (left.length !== 1) return "took";',
		tests: ["tests/property/expired-key.property.test.ts"],
	},
	{
		name: "an order is taken although its copy at home holds it",
		file: "app/apply/decide/order.ts",
		from: "const credit = units > 0 ? Math.min(units, room) : -Math.min(-units, line.mirrored);",
		to: "const credit = units > 0 ? 0 : -Math.min(-units, line.mirrored);",
		tests: ["app/apply/mirrors.test.ts", "tests/property/mirrors.property.test.ts"],
	},
	{
		name: "a copy that comes second is not looked for",
		file: "app/apply/decide/order.ts",
		from: "for (const original of originalsOf(state, applied)) creditOriginal(state, event, original, stamp);",
		to: "",
		tests: ["app/apply/mirrors.test.ts", "tests/property/mirrors.property.test.ts"],
	},
	{
		name: "accepted counts as applied",
		file: "app/delivery/listing-state.ts",
		from: "const followed = { ...afterUnknown(listing, until), acceptedAt: now };",
		to: "const followed = { ...listing, shown: listing.sent, sent: null, acceptedAt: null };",
		tests: ["app/delivery/accepted-writes.test.ts"],
	},
	{
		name: "all accounts of a shop pay from one bucket",
		file: "app/connections/budget.ts",
		from: "VALUES ($1, $2, $3, $4::float8",
		to: "VALUES ($1, (SELECT min(id) FROM connection WHERE shop_id = $1), $3, $4::float8",
		tests: ["app/connections/budget.test.ts"],
	},
	{
		name: "only a host's first address is checked",
		file: "app/channels/public-hosts.ts",
		from: "addresses.find((address) => !isPublic(address))",
		to: "addresses.slice(0, 1).find((address) => !isPublic(address))",
		tests: ["app/channels/public-hosts.test.ts"],
	},
	// Consent, tokens, queues.
	{
		name: "consent: another user finishes it",
		file: "app/connections/guests/complete-consent.ts",
		from: "ticket = $2 AND user_id = $3 AND state = 'granted'",
		to: "ticket = $2 AND coalesce($3, user_id) = $3 AND state = 'granted'",
		tests: ["app/connections/guests/consent.test.ts"],
	},
	{
		name: "consent: whoever knows the link finishes it",
		file: "app/connections/guests/consent.ts",
		from: "const ticket = newNonce();",
		to: "const ticket = state;",
		tests: ["app/connections/guests/consent.test.ts"],
	},
	{
		name: "consent: the account that the way back names is believed",
		file: "app/connections/guests/connect-granted.ts",
		from: "if (tried.health.account !== grant.account) {",
		to: "if (grant.account === '') {",
		tests: ["app/connections/guests/consent.test.ts"],
	},
	{
		name: "tokens: a refused one stays in the database",
		file: "app/connections/consented-token.ts",
		from: "if (refused !== undefined && stored.token === refused) await",
		to: "if (refused !== undefined && stored.token === null) await",
		tests: ["app/connections/consented-token.test.ts"],
	},
	{
		name: "tokens: a rotated refresh token is not saved",
		file: "app/connections/sql/access.ts",
		from: "SET credentials = coalesce($4, credentials)",
		to: "SET credentials = coalesce(credentials, $4)",
		tests: ["app/connections/consented-token.test.ts"],
	},
	{
		name: "tokens: what a refresh brings is saved over a newer consent",
		file: "app/connections/sql/access.ts",
		from: "(access_lease = $3 OR ($4::text IS NOT NULL AND credentials = $7))",
		to: "($3::text IS NOT NULL OR ($4::text IS NOT NULL AND credentials = $7))",
		tests: ["app/connections/consented-token.test.ts"],
	},
	{
		name: "tokens: every process refreshes",
		file: "app/connections/refresh-lease.ts",
		// biome-ignore lint/suspicious/noTemplateCurlyInString: it stands so in the file.
		from: "AND (${until} IS NULL OR ${until} < clock_timestamp())",
		to: "",
		tests: ["app/connections/consented-token.test.ts"],
	},
	{
		name: "queues: what was not committed is removed",
		file: "app/ingest/pull/take-batch.ts",
		from: 'done: read.filter(({ outcome }) => outcome !== "left").map',
		to: "done: read.map",
		tests: ["app/ingest/pull/pull.test.ts"],
	},
	{
		name: "queues: received although the database is away",
		file: "app/ingest/pull/pull-queue.ts",
		from: "if (databaseFailed) await deps.probe();",
		to: "",
		tests: ["app/ingest/pull/pull.test.ts"],
	},
	{
		name: "queues: a stranger's message goes to whoever left",
		file: "app/ingest/senders.ts",
		from: "AND state <> 'disconnected' AND NOT is_home",
		to: "AND NOT is_home ORDER BY id DESC LIMIT 1",
		tests: ["app/ingest/pull/pull.test.ts"],
	},
	{
		name: "budget: all operations share one bucket",
		file: "app/connections/budget.ts",
		from: "return { name: operation, ...own };",
		to: "return { name: BUCKET, ...own };",
		tests: ["app/connections/budget-operations.test.ts"],
	},
	{
		name: "budget: who waits for tokens holds a place",
		file: "app/connections/budget.ts",
		from: "if (!paid) release();",
		to: "if (!paid) setTimeout(release, 30_000);",
		tests: ["app/connections/budget-operations.test.ts"],
	},
	{
		name: "pages: another shop's view is deleted by its number",
		file: "app/pages/views/saved-views.ts",
		from: "DELETE FROM saved_view WHERE shop_id = $1 AND id = $2",
		to: "DELETE FROM saved_view WHERE $1::bigint > 0 AND id = $2",
		tests: ["tests/isolation/isolation.test.ts"],
	},
	{
		name: "pages: who may look sees what a form does not hold before being refused",
		file: "app/routes/app.channels.$id.go-live/route.tsx",
		from: 'await requireRight(request, "operate");',
		to: "",
		tests: ["tests/isolation/look.test.ts"],
	},
];
