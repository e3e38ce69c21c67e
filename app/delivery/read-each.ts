import type { ListingRef } from "#app/channels/channel.ts";
import { ChannelError } from "#app/channels/errors.ts";
import type { DeliveryClient } from "./deps.ts";
import type { Answer } from "./judge-reading.ts";
import { ClaimLostError } from "./lane.ts";

/**
 * Reads the listings in as few calls as the channel allows; by listing id, missing where the channel does not know it. An
 * answer that cannot be understood fails only the listings that cause it: the call is halved until they stand alone. Throws
 * what speaks of the whole connection.
 */
export async function readEach(
	client: DeliveryClient,
	listings: readonly (ListingRef & { id: number })[],
	batchSize: number,
): Promise<Map<number, Answer>> {
	const answers = new Map<number, Answer>();
	for (let start = 0; start < listings.length; start += batchSize) {
		await readTogether(client, listings.slice(start, start + batchSize), answers);
	}
	return answers;
}

async function readTogether(
	client: DeliveryClient,
	listings: readonly (ListingRef & { id: number })[],
	answers: Map<number, Answer>,
): Promise<void> {
	try {
		const { readings, channelTime } = await client.readStock(listings);
		const readAt = Date.parse(channelTime);
		for (const [index, listing] of listings.entries()) {
			const reading = readings[index];
			if (reading) answers.set(listing.id, { quantity: reading.quantity, managed: reading.managed, readAt });
		}
	} catch (error) {
		if (!(error instanceof ChannelError) || error.connectionWide || error instanceof ClaimLostError) throw error;
		const [only] = listings;
		if (listings.length === 1 && only) {
			answers.set(only.id, { error });
			return;
		}
		const middle = Math.ceil(listings.length / 2);
		await readTogether(client, listings.slice(0, middle), answers);
		await readTogether(client, listings.slice(middle), answers);
	}
}
