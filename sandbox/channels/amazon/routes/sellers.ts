import { ok, type Route } from "../api.ts";

export const sellerRoutes: readonly Route[] = [
	{
		operation: "getMarketplaceParticipations",
		method: "GET",
		path: /^\/sellers\/v1\/marketplaceParticipations$/,
		caller: "seller",
		run: ({ seller }) =>
			ok({
				payload: seller.marketplaces.map((marketplace) => ({
					marketplace: {
						id: marketplace.id,
						name: marketplace.name,
						countryCode: marketplace.country,
						defaultCurrencyCode: marketplace.currency,
						defaultLanguageCode: marketplace.language,
						domainName: marketplace.domain,
					},
					participation: { isParticipating: true, hasSuspendedListings: false },
					storeName: seller.name,
				})),
			}),
	},
];
