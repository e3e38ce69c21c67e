/**
 * Amazon's stores as far as the stand-in plays them: ids, regions and Seller Central addresses.
 * Source: developer-docs.amazon.com/sp-api/docs/marketplace-ids, …/seller-central-urls, …/sp-api-endpoints.
 */
export type RegionId = "na" | "eu" | "fe";

export type Region = {
	id: RegionId;
	apiHost: string;
	/** The AWS region of the endpoint; queues of other regions are taken too. */
	awsRegion: string;
	/** What `fulfillment_channel_code` calls Amazon's own warehouses here. */
	fbaCode: string;
	/** Where report documents of the region lie. */
	documentHost: string;
};

export type Marketplace = {
	id: string;
	region: RegionId;
	name: string;
	country: string;
	currency: string;
	language: string;
	domain: string;
	sellerCentral: string;
};

export const REGIONS: Record<RegionId, Region> = {
	na: region("na", "us-east-1", "AMAZON_NA"),
	eu: region("eu", "eu-west-1", "AMAZON_EU"),
	fe: region("fe", "us-west-2", "AMAZON_FE"),
};

export const MARKETPLACES: readonly Marketplace[] = [
	place("ATVPDKIKX0DER", "na", "US", "USD", "en_US", "amazon.com", "sellercentral.amazon.com"),
	place("A2EUQ1WTGCTBG2", "na", "CA", "CAD", "en_CA", "amazon.ca", "sellercentral.amazon.ca"),
	place("A1AM78C64UM0Y8", "na", "MX", "MXN", "es_MX", "amazon.com.mx", "sellercentral.amazon.com.mx"),
	place("A1F83G8C2ARO7P", "eu", "GB", "GBP", "en_GB", "amazon.co.uk", "sellercentral.amazon.co.uk"),
	place("A1PA6795UKMFR9", "eu", "DE", "EUR", "de_DE", "amazon.de", "sellercentral-europe.amazon.com"),
	place("A13V1IB3VIYZZH", "eu", "FR", "EUR", "fr_FR", "amazon.fr", "sellercentral-europe.amazon.com"),
	place("APJ6JRA9NG5V4", "eu", "IT", "EUR", "it_IT", "amazon.it", "sellercentral-europe.amazon.com"),
	place("A1RKKUPIHCS9HS", "eu", "ES", "EUR", "es_ES", "amazon.es", "sellercentral-europe.amazon.com"),
	place("A1VC38T7YXB528", "fe", "JP", "JPY", "ja_JP", "amazon.co.jp", "sellercentral.amazon.co.jp"),
	place("A39IBJ37TRP1C6", "fe", "AU", "AUD", "en_AU", "amazon.com.au", "sellercentral.amazon.com.au"),
];

export const US = "ATVPDKIKX0DER";

/** `sellercentral-europe` serves every European store, also the British one. */
export const sellerCentralServes = (host: string, marketplace: Marketplace) =>
	marketplace.sellerCentral === host || (host === "sellercentral-europe.amazon.com" && marketplace.region === "eu");

export const marketplaceOf = (id: string): Marketplace => {
	const found = MARKETPLACES.find((m) => m.id === id);
	if (!found) throw new Error(`The stand-in plays no Amazon store ${id}`);
	return found;
};

function region(id: RegionId, awsRegion: string, fbaCode: string): Region {
	const apiHost = `sellingpartnerapi-${id}.amazon.com`;
	return { id, apiHost, awsRegion, fbaCode, documentHost: `tortuga-prod-${id}.s3.amazonaws.com` };
}

function place(
	id: string,
	of: RegionId,
	country: string,
	currency: string,
	language: string,
	domain: string,
	sellerCentral: string,
): Marketplace {
	const name = `A${domain.slice(1)}`;
	return { id, region: of, name, country, currency, language, domain: `www.${domain}`, sellerCentral };
}
