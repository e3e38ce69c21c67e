import type { Authorization } from "../channel.ts";
import { CredentialsRejectedError, RequestRejectedError } from "../errors.ts";
import { createClient } from "./client.ts";
import { requestToken } from "./lwa.ts";
import { participations } from "./participations.ts";
import { MARKETPLACES, REGIONS, type Region } from "./regions.ts";

const REGION_NAMES: Readonly<Record<Region, string>> = { NA: "North America", EU: "Europe, Middle East, India", FE: "Far East" };

/**
 * The website workflow (developer-docs.amazon.com/sp-api/docs/website-authorization-workflow): the seller agrees in Seller
 * Central, and the code that comes back is exchanged at once. One consent opens one region.
 */
export const authorization: Authorization = {
	choices: [
		{
			key: "region",
			label: "Where do you sign in to Seller Central?",
			options: MARKETPLACES.map(({ region, country, name }) => ({
				value: `${region}-${country}`,
				label: `${REGION_NAMES[region]}: ${name}`,
			})),
		},
	],
	consentUrl({ app, chosen, state, redirectUrl }) {
		const url = new URL(`https://${siteOf(chosen).sellerCentral}/apps/authorize/consent`);
		url.searchParams.set("application_id", app.applicationId ?? "");
		url.searchParams.set("state", state);
		url.searchParams.set("redirect_uri", redirectUrl);
		// An app that is not published yet is opened by this only.
		if (isOn(app.draft)) url.searchParams.set("version", "beta");
		return url.href;
	},
	async finish({ app, chosen, answer }) {
		const { region } = siteOf(chosen);
		const code = answer.get("spapi_oauth_code") ?? "";
		const account = answer.get("selling_partner_id") ?? "";
		if (code === "" || !/^[A-Z0-9]{8,30}$/.test(account)) {
			throw new CredentialsRejectedError("Amazon's answer holds no consent: it was not given, or the page was left", {
				code: "no-consent",
			});
		}
		const { accessToken, refreshToken } = await requestToken(app, { kind: "code", code });
		if (refreshToken === undefined) throw new CredentialsRejectedError("Amazon gave no lasting access", { code: "no-refresh-token" });
		const client = createClient({ account, credentials: { region }, accessToken: async () => accessToken, app });
		const open = (await participations(client)).filter((one) => one.participates && one.region === region);
		if (open.length === 0) {
			throw new RequestRejectedError(
				`This Amazon account sells in no marketplace of ${REGION_NAMES[region]}. Choose the region where it does.`,
				{
					code: "no-marketplace",
				},
			);
		}
		return { account, credentials: { refreshToken, region, marketplaceIds: open.map(({ id }) => id).join(",") } };
	},
	async refresh({ app, credentials }) {
		const { refreshToken = "" } = credentials;
		if (refreshToken === "") throw new CredentialsRejectedError("This Amazon account has not given its consent");
		const { accessToken, expiresAt } = await requestToken(app, { kind: "refresh", refreshToken });
		return { accessToken, expiresAt };
	},
	// developer-docs.amazon.com/sp-api/docs/renew-authorizations: every 365 days.
	renewAfterDays: 365,
};

const isOn = (text: string | undefined): boolean => text !== undefined && /^(1|true|yes|on)$/i.test(text);

/** "EU-DE", or a region alone: then its first marketplace's page. */
function siteOf(chosen: Readonly<Record<string, string>>): { region: Region; sellerCentral: string } {
	const [region, country] = (chosen.region ?? "").split("-");
	const site = MARKETPLACES.find((one) => one.region === region && (country === undefined || one.country === country));
	if (!site || !REGIONS.includes(site.region)) throw new TypeError(`${JSON.stringify(chosen.region)} is none of Amazon's regions`);
	return site;
}
