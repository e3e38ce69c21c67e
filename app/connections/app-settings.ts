import { appSettingName } from "#app/env.server.ts";
import { type AppSettings, type Channel, channels } from "#channels";
import type { Deps } from "./deps.ts";

type Configured = { env: Pick<Deps["env"], "appSettings"> };

/** What the operator has registered with this channel; null where it is not set on this server. */
export const appSettingsOf = ({ env }: Configured, channel: Channel): AppSettings | null =>
	channel.appSettings === undefined ? {} : (env.appSettings?.[channel.id] ?? null);

export type Availability =
	| { channel: Channel; available: true }
	/** `missing`: names in the environment, for the operator. Merchants read that it is not available on this server. */
	| { channel: Channel; available: false; missing: readonly string[] };

/** Every channel that a merchant could connect, and whether this server can: for the gallery. */
export const availableChannels = (deps: Configured): Availability[] =>
	channels()
		.filter(({ role }) => role === "guest")
		.map((channel) => {
			if (appSettingsOf(deps, channel) !== null) return { channel, available: true };
			const required = (channel.appSettings ?? []).filter(({ optional }) => !optional);
			return { channel, available: false, missing: required.map(({ key }) => appSettingName(channel.id, key)) };
		});
