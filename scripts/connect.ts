import { parseArgs } from "node:util";
import {
	connectGranted,
	connectGuest,
	dryRun,
	goLive,
	linkListings,
	proposeMatching,
	readCatalogue,
	renewKeys,
	startWatching,
} from "#app/connections/guests/index.ts";
import { channel } from "#channels";
import { openRuntime } from "../server/runtime.ts";

/**
 * Connects a channel from the operator's side, by the same doors as the pages: `node scripts/connect.ts --shop DOMAIN
 * --channel woocommerce --account https://store.example --set consumerKey=ck_… --set consumerSecret=cs_… [--go-live]`.
 * Where merchants agree on the channel's own page, `--set` gives what such a consent has brought (`--set refreshToken=…`); the
 * same account again renews its connection and goes on with it. With `--renew` a store that is connected gets new keys, and
 * nothing else is done.
 * Prints one JSON line per step. Needs the environment of the app (DATABASE_URL and the keys).
 */
const { values } = parseArgs({
	options: {
		shop: { type: "string" },
		channel: { type: "string" },
		account: { type: "string" },
		set: { type: "string", multiple: true },
		"go-live": { type: "boolean" },
		renew: { type: "boolean" },
	},
});
const actor = "operator";
const runtime = await openRuntime({ name: "connect", mayEmbed: false });
const deps = { ...runtime.deps, publicUrl: runtime.env.appUrl };
const say = (step: string, detail: unknown) => process.stdout.write(`${JSON.stringify({ step, detail })}\n`);
let failed = false;
try {
	if (!values.shop || !values.channel || !values.account) throw new Error("--shop, --channel and --account are needed.");
	const found = await deps.pool.query<{ id: number; import_state: string }>("SELECT id, import_state FROM shop WHERE domain = $1", [
		values.shop,
	]);
	const shop = found.rows[0];
	if (!shop) throw new Error(`No shop ${values.shop} has opened the app yet.`);
	if (shop.import_state !== "done")
		throw new Error(`The first import of ${values.shop} is not done (${shop.import_state}). Connect after it.`);
	const credentials = Object.fromEntries(
		(values.set ?? []).map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]),
	);
	const account = { channel: values.channel, account: values.account };
	if (values.renew) await renewAccount(shop.id, account, credentials);
	else await connectAccount(shop.id, account, credentials);
} catch (error) {
	failed = true;
	process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
} finally {
	await runtime.close();
}
process.exit(failed ? 1 : 0);

type Account = { channel: string; account: string };

async function renewAccount(shopId: number, account: Account, credentials: Record<string, string>): Promise<void> {
	const read = channel(account.channel).readAccount?.(account.account);
	if (read?.outcome === "refused") throw new Error(read.reason);
	const { rows } = await deps.pool.query<{ id: number }>(
		"SELECT id FROM connection WHERE shop_id = $1 AND channel = $2 AND account = $3 AND state <> 'disconnected'",
		[shopId, account.channel, read?.account ?? account.account],
	);
	if (!rows[0]) throw new Error(`${account.account} is not connected.`);
	const renewed = await renewKeys(deps, shopId, { connectionId: rows[0].id, credentials, actor });
	if (renewed.outcome === "refused") throw new Error(renewed.reason);
	say("renew", renewed);
}

async function connectAccount(shopId: number, account: Account, credentials: Record<string, string>): Promise<void> {
	const connect = channel(account.channel).authorization ? connectGranted : connectGuest;
	const connected = await connect(deps, shopId, { ...account, credentials, actor });
	say("connect", connected);
	if (!("connectionId" in connected)) throw new Error(connected.reason);
	const { connectionId } = connected;
	say("catalogue", done(await readCatalogue(deps, shopId, connectionId)));
	const matching = await proposeMatching(deps.pool, shopId, connectionId);
	say("matching", {
		exact: matching.exact.length,
		near: matching.near.length,
		ambiguous: matching.ambiguous.length,
		missingAtHome: matching.missingAtHome.length,
		missingOnChannel: matching.missingOnChannel.length,
	});
	say("link", await linkListings(deps, shopId, connectionId, matching.exact, actor));
	say("watch", done(await startWatching(deps, shopId, connectionId, actor)));
	const { sample: _, ...planned } = done(await dryRun(deps, shopId, connectionId));
	say("dry-run", planned);
	if (values["go-live"]) say("go-live", await goLive(deps, shopId, connectionId, actor));
}

function done<T extends { outcome: string }>(result: T | { outcome: "failed"; reason: string }): Exclude<T, { outcome: "failed" }> {
	if (result.outcome === "failed") throw new Error("reason" in result ? result.reason : "It failed.");
	return result as Exclude<T, { outcome: "failed" }>;
}
