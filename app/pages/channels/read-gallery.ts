import type { Pool } from "#app/db.server.ts";
import { type ChannelOverview, readOverview } from "#app/overview/index.ts";
import { type ApiVersion, apiCalendar, type Channel, channel, channels } from "#channels";
import { availableChannels, type Deps } from "#connections";
import { abilitiesOf } from "./abilities.ts";
import { readSetUps, type SetUp } from "./read-set-up.ts";

export type ConnectedChannel = ChannelOverview & { kind: string; setUp: SetUp };
export type AvailableChannel = {
	id: string;
	name: string;
	abilities: string[];
	way: WayIn;
	/** Not set up on this server by whoever runs it. */
	isAvailable: boolean;
};
/** How an account is opened: keys are typed in, or its owner agrees on the channel's own page. */
export type WayIn = "keys" | "consent";
export type Gallery = {
	asOf: string;
	isImporting: boolean;
	connected: ConnectedChannel[];
	available: AvailableChannel[];
	versions: ApiVersion[];
};

/** Home is in it too: it is a channel like the others to look at, and cannot be set up or taken away here. */
export async function readGallery(pool: Pool, deps: Pick<Deps, "env">, shopId: number): Promise<Gallery> {
	const overview = await readOverview(pool, shopId);
	const setUpOf = await readSetUps(pool, shopId);
	return {
		asOf: overview.asOf,
		isImporting: overview.firstImport.state !== "done",
		connected: overview.channels.map((one) => ({ ...one, kind: nameOf(one.channel), setUp: setUpOf(one.id) })),
		versions: apiCalendar(new Date()),
		available: availableChannels(deps).map(({ channel: kind, available }) => ({
			id: kind.id,
			name: kind.name,
			abilities: abilitiesOf(kind),
			way: wayInto(kind),
			isAvailable: available,
		})),
	};
}

export const wayInto = (kind: Channel): WayIn => (kind.authorization ? "consent" : "keys");

/** A row may name a channel that this release does not have. */
const nameOf = (id: string): string => (channels().some((kind) => kind.id === id) ? channel(id).name : id);
