import { z } from "zod";
import { type KeyRing, open, seal } from "#app/crypto.server.ts";

/** Opened credentials by field key, as the channel's `credentialFields` name them. */
export type Credentials = Readonly<Record<string, string>>;

const credentialsSchema = z.record(z.string(), z.string());

/** Where a connection's credentials are sealed to: copied into another shop's or account's row, they do not open (R37). */
type Place = { shopId: number; channel: string; account: string };

const context = ({ shopId, channel, account }: Place) => ({ shop: String(shopId), purpose: `connection:${channel}:${account}` });

/** For `connection.credentials`. */
export const sealCredentials = (keyRing: KeyRing, place: Place, credentials: Credentials): string =>
	seal(keyRing, context(place), JSON.stringify(credentials));

export const openCredentials = (keyRing: KeyRing, place: Place, sealed: string): Credentials =>
	credentialsSchema.parse(JSON.parse(open(keyRing, context(place), sealed)));
