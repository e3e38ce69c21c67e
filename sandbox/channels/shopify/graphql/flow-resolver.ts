import type { Resolvers } from "./resolvers.ts";

/** What the app tells Shopify Flow. Needs no access scope. */
export const flowResolver: Resolvers = {
	Mutation: {
		flowTriggerReceive: (_, args: { body?: string | null; handle?: string | null; payload?: unknown }, { flow }) => ({
			userErrors: flow.receive(args),
		}),
	},
};
