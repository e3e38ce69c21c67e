/**
 * Amazon's geography. A selling account lives in one region (North America, Europe, Far East) and takes part in marketplaces of
 * it; a token of one region opens nothing in another. Endpoints: Swagger models (NA), amzn/selling-partner-api-sdk@2a03f00 (EU,
 * FE); marketplaces and Seller Central addresses: developer-docs.amazon.com/sp-api/docs/marketplace-ids, seller-central-urls.
 */
export const REGIONS = ["NA", "EU", "FE"] as const;
export type Region = (typeof REGIONS)[number];

export const isRegion = (text: string): text is Region => REGIONS.some((region) => region === text);

export const ENDPOINTS: Readonly<Record<Region, string>> = {
	NA: "https://sellingpartnerapi-na.amazon.com",
	EU: "https://sellingpartnerapi-eu.amazon.com",
	FE: "https://sellingpartnerapi-fe.amazon.com",
};

type Marketplace = {
	id: string;
	region: Region;
	/** As a merchant calls it. */
	name: string;
	country: string;
	/** Where its sellers sign in and give consent. */
	sellerCentral: string;
	/** What text files are in whose download does not say so (MWS reports guide: Shift_JIS in Japan, ISO-8859-1 elsewhere). */
	encoding: "windows-1252" | "shift_jis";
};

const EUROPE = "sellercentral-europe.amazon.com";
const row = (region: Region, country: string, id: string, name: string, sellerCentral: string): Marketplace => ({
	id,
	region,
	name,
	country,
	sellerCentral,
	encoding: country === "JP" ? "shift_jis" : "windows-1252",
});

/** In the order in which a merchant is shown them: the largest of each region first. */
export const MARKETPLACES: readonly Marketplace[] = [
	row("NA", "US", "ATVPDKIKX0DER", "United States", "sellercentral.amazon.com"),
	row("NA", "CA", "A2EUQ1WTGCTBG2", "Canada", "sellercentral.amazon.ca"),
	row("NA", "MX", "A1AM78C64UM0Y8", "Mexico", "sellercentral.amazon.com.mx"),
	row("NA", "BR", "A2Q3Y263D00KWC", "Brazil", "sellercentral.amazon.com.br"),
	row("EU", "GB", "A1F83G8C2ARO7P", "United Kingdom", EUROPE),
	row("EU", "DE", "A1PA6795UKMFR9", "Germany", EUROPE),
	row("EU", "FR", "A13V1IB3VIYZZH", "France", EUROPE),
	row("EU", "IT", "APJ6JRA9NG5V4", "Italy", EUROPE),
	row("EU", "ES", "A1RKKUPIHCS9HS", "Spain", EUROPE),
	row("EU", "NL", "A1805IZSGTT6HS", "Netherlands", "sellercentral.amazon.nl"),
	row("EU", "SE", "A2NODRKZP88ZB9", "Sweden", "sellercentral.amazon.se"),
	row("EU", "PL", "A1C3SOZRARQ6R3", "Poland", "sellercentral.amazon.pl"),
	row("EU", "BE", "AMEN7PMS3EDWL", "Belgium", "sellercentral.amazon.com.be"),
	row("EU", "IE", "A28R8C7NBKEWEA", "Ireland", "sellercentral.amazon.ie"),
	row("EU", "TR", "A33AVAJ2PDY3EV", "Türkiye", "sellercentral.amazon.com.tr"),
	row("EU", "AE", "A2VIGQ35RCS4UG", "United Arab Emirates", "sellercentral.amazon.ae"),
	row("EU", "SA", "A17E79C6D8DWNP", "Saudi Arabia", "sellercentral.amazon.sa"),
	row("EU", "EG", "ARBP9OOSHTCHU", "Egypt", "sellercentral.amazon.eg"),
	row("EU", "ZA", "AE08WJ6YKNBMC", "South Africa", "sellercentral.amazon.co.za"),
	row("EU", "IN", "A21TJRUUN4KGV", "India", "sellercentral.amazon.in"),
	row("FE", "JP", "A1VC38T7YXB528", "Japan", "sellercentral.amazon.co.jp"),
	row("FE", "AU", "A39IBJ37TRP1C6", "Australia", "sellercentral.amazon.com.au"),
	row("FE", "SG", "A19VAU5U5O7RUS", "Singapore", "sellercentral.amazon.sg"),
];

export const marketplaceById = (id: string): Marketplace | undefined => MARKETPLACES.find((marketplace) => marketplace.id === id);
export const marketplacesOf = (region: Region): readonly Marketplace[] => MARKETPLACES.filter((one) => one.region === region);

/**
 * A listing's own id: the same SKU may be for sale in several marketplaces, each with a figure that is read and written by
 * itself. Marketplace ids are letters and digits; a SKU may hold a slash, so the first one parts them.
 */
export const listingId = (marketplaceId: string, sku: string): string => `${marketplaceId}/${sku}`;

export function splitListingId(externalId: string): { marketplaceId: string; sku: string } {
	const at = externalId.indexOf("/");
	const marketplaceId = externalId.slice(0, at);
	if (at < 1 || !/^[A-Z0-9]{10,20}$/.test(marketplaceId) || at === externalId.length - 1) {
		throw new TypeError(`${externalId} is not an Amazon listing: marketplace/SKU`);
	}
	return { marketplaceId, sku: externalId.slice(at + 1) };
}
