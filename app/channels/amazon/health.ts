import type { AccountAccess, HealthReport } from "../channel.ts";
import {
	ChannelError,
	ChannelTimeoutError,
	ChannelUnavailableError,
	CredentialsRejectedError,
	RateLimitedError,
	RequestRejectedError,
	UnexpectedShapeError,
} from "../errors.ts";
import { createClient } from "./client.ts";
import { canReadListings } from "./listings.ts";
import { readOrder } from "./orders.ts";
import { participations } from "./participations.ts";
import { marketplaceById } from "./regions.ts";

/**
 * Signs in to the real account and looks whether Lockstep can work with it: the marketplaces are the seller's, its listings and its
 * orders may be read. Every refusal is a sentence that tells the merchant what to do.
 */
export async function check(access: AccountAccess): Promise<HealthReport> {
	try {
		return await examine(access);
	} catch (error) {
		if (error instanceof ChannelError) return { health: "red", reason: reasonFor(error), error };
		throw error;
	}
}

async function examine(access: AccountAccess): Promise<HealthReport> {
	const client = createClient(access);
	const [first] = client.marketplaceIds;
	if (first === undefined) throw refuse("No marketplace of this Amazon account is chosen. Connect it again and choose one.");
	const found = new Map((await participations(client)).map((one) => [one.id, one]));
	const gone = client.marketplaceIds.filter((id) => !found.get(id)?.participates);
	if (gone.length > 0) {
		throw refuse(
			`This Amazon account no longer sells in ${gone.map(nameOf).join(", ")}. Take it out of the connection or open it again at Amazon.`,
		);
	}
	const { clock, listings } = await canReadListings(client, first);
	// There is no such order: the answer says only whether orders may be asked for, and costs nothing of the poll's tiny quota.
	await readOrder(client, "000-0000000-0000000").catch(unlessUnknownOrder);
	const suspended = client.marketplaceIds.filter((id) => found.get(id)?.suspended);
	return {
		health: "green",
		account: access.account,
		detail: {
			name: found.get(first)?.storeName ?? "",
			region: client.region,
			marketplaces: client.marketplaceIds.map(nameOf).join(", "),
			// Holiday settings: offers are hidden, stock is still taken.
			...(suspended.length > 0 ? { notSelling: suspended.map(nameOf).join(", ") } : {}),
			listings: String(listings),
			clock,
		},
	};
}

/** 400: Amazon checks an order number before it looks for it. */
function unlessUnknownOrder(error: unknown): void {
	if (!(error instanceof RequestRejectedError)) throw error;
}

const nameOf = (id: string): string => marketplaceById(id)?.name ?? id;
const refuse = (reason: string): ChannelError => new RequestRejectedError(reason, { code: "set-up" });

function reasonFor(error: ChannelError): string {
	if (error.code === "set-up") return error.message;
	if (error instanceof CredentialsRejectedError) {
		return "Amazon does not let Lockstep in: the consent was taken back or ran out (it lasts a year), or it was given without the rights for orders and listings. Connect the account again.";
	}
	if (error instanceof RateLimitedError) return "Amazon allows no more calls at the moment. Lockstep tries again by itself.";
	if (error instanceof ChannelTimeoutError) return "Amazon did not answer in time. Lockstep tries again by itself.";
	if (error.code === "invalid_client" || error.code === "app-not-set-up") {
		return "Lockstep's own registration with Amazon has to be renewed on this server. There is nothing that you need to do at Amazon.";
	}
	if (error instanceof ChannelUnavailableError) return "Amazon cannot be reached. Lockstep tries again by itself.";
	if (error instanceof UnexpectedShapeError) return `Amazon answers in a way that Lockstep does not know: ${error.message}`;
	return `Amazon refuses: ${error.message}`;
}
