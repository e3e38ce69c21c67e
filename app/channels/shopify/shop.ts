import { z } from "zod";
import type { HealthReport } from "../channel.ts";
import { ChannelError, CredentialsRejectedError } from "../errors.ts";
import type { GraphqlClient } from "./client.ts";
import { READ_SHOP } from "./operations/read-shop.ts";
import { missingScopes } from "./version.ts";

/** Asks the real API who it is talking to and what it may do. */
export async function check(client: GraphqlClient): Promise<HealthReport> {
	try {
		const { data } = await client.run({ operation: "shop.check", document: READ_SHOP, variables: {}, schema: answer, cost: 3 });
		const missing = missingScopes(data.currentAppInstallation.accessScopes.map(({ handle }) => handle));
		if (missing.length > 0) {
			const reason = `The shop has not granted ${missing.join(", ")}. Open the app in the Shopify admin and approve it.`;
			return { health: "red", reason, error: new CredentialsRejectedError(reason) };
		}
		return { health: "green", account: data.shop.myshopifyDomain, detail: { shop: data.shop.name } };
	} catch (error) {
		if (error instanceof ChannelError) return { health: "red", reason: error.message, error };
		throw error;
	}
}

const answer = z.object({
	shop: z.object({ id: z.string(), name: z.string(), myshopifyDomain: z.string() }),
	currentAppInstallation: z.object({ accessScopes: z.array(z.object({ handle: z.string() })) }),
});
