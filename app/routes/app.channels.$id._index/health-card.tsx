import { Badge, BlockStack, Card, Link, Select, Text } from "@shopify/polaris";
import type { ReactNode } from "react";
import type { ChannelPage, LimitInUse } from "#app/pages/channels/read-channel.ts";
import { Ago, Day, Moment } from "../../components/when.tsx";
import { number, plural } from "../../components/words.ts";

type HealthCardProps = {
	page: ChannelPage;
	base: string;
	mayApprove: boolean;
	polling: { usualMinutes: number; disabled: boolean; onChange: (minutes: string) => void };
};

/** Minutes; the channel page's action takes no others (connections/guests/polling.ts). */
const CHOICES = [5, 10, 15, 30, 60];

/** Is it being listened to, and how much of what it allows is used. */
export function HealthCard({ page, base, mayApprove, polling }: HealthCardProps) {
	const { channel, orders, asOf, limits } = page;
	const counts = page.countsSince !== null;
	return (
		<Card padding="0">
			<div className="card-head">
				<Text as="h2" variant="headingSm">
					How it is connected
				</Text>
			</div>
			<dl className="facts">
				<Fact name="Answers">
					{channel.health.state === "green" ? (
						<Badge tone="success">Yes</Badge>
					) : (
						<Badge tone={channel.health.state === "red" ? "critical" : "warning"}>
							{channel.health.state === "red" ? "No" : "With trouble"}
						</Badge>
					)}
					{page.healthCheckedAt && (
						<Text as="p" variant="bodySm" tone="subdued">
							Asked <Ago at={page.healthCheckedAt} now={asOf} />, every five minutes.
						</Text>
					)}
				</Fact>
				{page.consent && (
					<Fact name="Access">
						<p data-testid="consent">
							{page.consent.endsAt ? (
								<>
									Consent {page.consent.hasEnded ? "ended" : "ends"} on <Day at={page.consent.endsAt} />.{" "}
								</>
							) : (
								"By consent. "
							)}
							{mayApprove && <Link url={`${base}/renew`}>Renew it</Link>}
						</p>
					</Fact>
				)}
				{page.hasKeys && mayApprove && (
					<Fact name="Access">
						<p>
							By keys. <Link url={`${base}/renew`}>Enter new ones</Link>
						</p>
					</Fact>
				)}
				<Fact name="Orders count since">{page.countsSince ? <Moment at={page.countsSince} /> : <p>Not yet: it is being set up</p>}</Fact>
				{counts && (
					<Fact name="Orders last read">
						{orders.lastReadAt ? <Ago at={orders.lastReadAt} now={asOf} /> : <p>Not yet</p>}
						{orders.error && (
							<Text as="p" tone="critical">
								It failed: {orders.error}
							</Text>
						)}
						<Text as="p" variant="bodySm" tone="subdued">
							{orders.lastReadAt === null
								? "They are also read regularly, so that no lost report is a lost sale."
								: orders.late > 0
									? `${plural(orders.late, "order")} of the last 24 hours had not been reported by the channel and ${orders.late === 1 ? "was" : "were"} found this way.`
									: "In 24 hours, every order had been reported by the channel itself."}
						</Text>
						<Select
							label="Read orders"
							labelInline
							disabled={polling.disabled}
							value={orders.everyMinutes === null ? "" : String(orders.everyMinutes)}
							options={[
								{ label: `As usual, every ${plural(polling.usualMinutes, "minute")}`, value: "" },
								...CHOICES.filter((minutes) => minutes >= orders.leastMinutes).map((minutes) => ({
									label: `Every ${minutes} minutes`,
									value: String(minutes),
								})),
							]}
							onChange={polling.onChange}
						/>
					</Fact>
				)}
				{channel.hasWebhooks && (
					<Fact name="Reports of sales (webhooks)">
						{page.webhooksCheckedAt ? (
							<p>
								In place, checked <Ago at={page.webhooksCheckedAt} now={asOf} />
							</p>
						) : (
							<p>Set up when watching begins</p>
						)}
					</Fact>
				)}
				{counts && (
					<Fact name="All figures compared">
						{page.comparedAt ? <Ago at={page.comparedAt} now={asOf} /> : <p>Not yet: within the hour</p>}
					</Fact>
				)}
				<Fact name="Requests it allows">
					{limits.length === 0 ? <p>Nothing has been asked yet</p> : limits.map((limit) => <Limit key={limit.name} limit={limit} />)}
				</Fact>
				{Object.entries(page.account)
					.filter(([key]) => key in ACCOUNT_WORDS)
					.map(([key, value]) => (
						<Fact key={key} name={ACCOUNT_WORDS[key] ?? key}>
							<p>{value}</p>
						</Fact>
					))}
			</dl>
		</Card>
	);
}

/** Of what an account tells of itself, what a merchant recognises. */
const ACCOUNT_WORDS: Readonly<Record<string, string>> = { name: "Name", version: "Version", timeZone: "Time zone", currency: "Currency" };

function Limit({ limit }: { limit: LimitInUse }) {
	const used = Math.max(0, Math.round(100 * (1 - limit.free / limit.capacity)));
	const rate = limit.perSecond >= 1 ? `${number(limit.perSecond)} a second` : `${number(Math.round(limit.perSecond * 3_600))} an hour`;
	return (
		<p>
			{limit.name === "calls" ? "" : `${limit.name}: `}
			{used}% used, {rate}
			{limit.blockedUntil && " · the channel asked us to wait"}
		</p>
	);
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
	return (
		<div className="fact">
			<dt>
				<Text as="span" tone="subdued">
					{name}
				</Text>
			</dt>
			<dd>
				<BlockStack gap="050" inlineAlign="start">
					{children}
				</BlockStack>
			</dd>
		</div>
	);
}
