import { z } from "zod";
import type { AmazonClient } from "./client.ts";
import { parse } from "./mapping.ts";
import { marketplaceById, type Region } from "./regions.ts";

export type Participation = { id: string; region: Region; name: string; participates: boolean; suspended: boolean; storeName: string };

/**
 * The marketplaces of the seller's account, those that we know: Amazon also lists ones of its own where nothing is for sale
 * ("Non-Amazon US", "SI Prod …").
 */
export async function participations(client: AmazonClient): Promise<Participation[]> {
	const answer = await client.get("getMarketplaceParticipations", "/sellers/v1/marketplaceParticipations");
	return parse(answerSchema, answer, "list of marketplaces").payload.flatMap(({ marketplace, participation, storeName }) => {
		const known = marketplaceById(marketplace.id);
		if (!known) return [];
		const { isParticipating: participates, hasSuspendedListings: suspended } = participation;
		return [{ id: known.id, region: known.region, name: known.name, participates, suspended, storeName: storeName ?? "" }];
	});
}

const answerSchema = z.object({
	payload: z.array(
		z.object({
			marketplace: z.object({ id: z.string().min(1).max(50) }),
			participation: z.object({ isParticipating: z.boolean(), hasSuspendedListings: z.boolean() }),
			storeName: z.string().max(500).optional(),
		}),
	),
});
