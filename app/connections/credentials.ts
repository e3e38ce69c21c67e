import { z } from "zod";
import { type KeyRing, open, type SealContext, seal } from "#app/crypto.server.ts";

/** Opened credentials by field key, as the channel's `credentialFields` name them. */
export type Credentials = Readonly<Record<string, string>>;

const credentialsSchema = z.record(z.string(), z.string());

/** Where a connection's credentials are sealed to: copied into another shop's or account's row, they do not open (R37). */
type Place = { shopId: number; channel: string; account: string };

export const credentialsContext = ({ shopId, channel, account }: Place): SealContext => ({
	shop: String(shopId),
	purpose: `connection:${channel}:${account}`,
});

/** For `connection.credentials`. */
export const sealCredentials = (keyRing: KeyRing, place: Place, credentials: Credentials): string =>
	seal(keyRing, credentialsContext(place), JSON.stringify(credentials));

export const openCredentials = (keyRing: KeyRing, place: Place, sealed: string): Credentials =>
	credentialsSchema.parse(JSON.parse(open(keyRing, credentialsContext(place), sealed)));
