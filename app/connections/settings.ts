import { z } from "zod";

/**
 * `connection.settings`: what the merchant chose for one connection and what we learnt of the account, never a secret. Every
 * key has a default, so that a row written by an older release reads well; keys of a channel's own stay under `channel`.
 */
export const connectionSettingsSchema = z.object({
	/** Access scopes that the merchant has not granted (home): said where the connection is shown. */
	missingScopes: z.array(z.string()).default([]),
	/** What the account's health check told of itself ("version": "11.0.1"), for the person who looks. */
	account: z.record(z.string(), z.string()).default({}),
	/** What the merchant chose before agreeing on the channel's page (a region): what a renewal begins with. */
	chosen: z.record(z.string(), z.string()).default({}),
	/** Units: where a figure differs by no more, the regular check only counts it. */
	stockTolerance: z.int().nonnegative().default(0),
	/** A channel's own settings, parsed by its own schema. */
	channel: z.record(z.string(), z.unknown()).default({}),
});
export type ConnectionSettings = z.infer<typeof connectionSettingsSchema>;
