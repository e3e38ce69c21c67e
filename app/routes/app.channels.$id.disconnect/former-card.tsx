import { Banner, BlockStack, Button, Card, InlineStack, ProgressBar, Text } from "@shopify/polaris";
import { number, plural } from "../../components/words.ts";

export type FormerLook = {
	listings: number;
	/** Of these, whose figure would change, and how many of them to zero. */
	changes: number;
	toZero: number;
	/** Put back to less than it was: sold there since, or not covered by stock. */
	lower: number;
	kept: number;
	sample: { sku: string; title: string; original: number; sold: number; shows: number | null; to: number | null }[];
};
type FormerCardProps = {
	name: string;
	look: FormerLook;
	/** Null while nothing is under way. */
	progress: { done: number; total: number | null } | null;
	failed: string | null;
	/** Why it cannot be asked for now. */
	refusal: string | null;
	busy: string | null;
	exporting: boolean;
	onExport: () => void;
	send: (intent: "restore" | "stop") => void;
};

/** The channel's own figures: what they would be now, why, and putting them back before the channel is disconnected. */
export function FormerCard({ name, look, progress, failed, refusal, busy, exporting, onExport, send }: FormerCardProps) {
	const nothing = look.listings === 0;
	return (
		<Card>
			<BlockStack gap="300">
				<Text as="h2" variant="headingSm">
					Figures from before Lockstep
				</Text>
				{failed && (
					<Banner tone="critical" title="The figures from before Lockstep could not be put back">
						<p>{failed}</p>
					</Banner>
				)}
				{nothing ? (
					<Text as="p">Lockstep has not changed any figure of {name}, so there is nothing to go back to.</Text>
				) : progress ? (
					<Progress {...progress} name={name} />
				) : (
					<>
						<Text as="p">
							For {plural(look.listings, "listing")} Lockstep has kept what {name} showed before its first update. Put back, each shows that
							figure less what {name} itself has sold since, as if Lockstep had never written there; and never more than your stock covers,
							so that nothing that was sold on another channel is offered again. Goods that came in since are not added.
						</Text>
						<Text as="p" fontWeight="semibold">
							<span data-testid="former-summary">
								{`${plural(look.changes, "listing")} would change, ${number(look.toZero)} of them to zero. ${plural(look.lower, "listing")} would show less than before Lockstep.`}
								{look.kept > 0
									? ` ${plural(look.kept, "listing")} would keep the figure shown now: paused, not linked or not counted.`
									: ""}
							</span>
						</Text>
						<Sample look={look} />
					</>
				)}
				{refusal && !nothing && !progress && (
					<Text as="p" tone="subdued">
						{refusal}
					</Text>
				)}
				{!nothing && (
					<InlineStack gap="200">
						{progress ? (
							<Button onClick={() => send("stop")} loading={busy === "stop"}>
								Stop and stay connected
							</Button>
						) : (
							<Button onClick={() => send("restore")} disabled={refusal !== null} loading={busy === "restore"}>
								Put figures back, then disconnect
							</Button>
						)}
						<Button onClick={onExport} loading={exporting}>
							Export former figures
						</Button>
					</InlineStack>
				)}
			</BlockStack>
		</Card>
	);
}

/** Some of them: what each showed, what took from it, and what it would show. */
const Sample = ({ look }: { look: FormerLook }) => (
	<div>
		<ul className="rows" data-testid="former-sample">
			{look.sample.map(({ sku, title, original, sold, shows, to }) => (
				<li key={`${sku} ${title}`} className="row row-sale row-flush">
					<BlockStack gap="050">
						<Text as="p" breakWord>
							{sku ? `${sku} · ${title}` : title}
						</Text>
						<Text as="p" variant="bodySm" tone="subdued">
							<span className="figures">
								{number(original)} before, {number(sold)} sold there since{shows === null ? "" : `, shows ${number(shows)} now`}
							</span>
						</Text>
					</BlockStack>
					<Text as="span" fontWeight="semibold">
						<span className="figures">{to === null ? "stays" : `→ ${number(to)}`}</span>
					</Text>
				</li>
			))}
		</ul>
		{look.listings > look.sample.length && (
			<Text as="p" variant="bodySm" tone="subdued">
				{`${number(look.sample.length)} of ${number(look.listings)} listings; the file has them all.`}
			</Text>
		)}
	</div>
);

function Progress({ done, total, name }: { done: number; total: number | null; name: string }) {
	return (
		<BlockStack gap="200">
			<Text as="p" id="restoring">
				<span data-testid="restoring">
					{total === null
						? `Looking whether ${name} answers…`
						: `${number(done)} of ${plural(total, "listing")} put back. ${name} is disconnected when all are. You can close this page.`}
				</span>
			</Text>
			<ProgressBar progress={total ? Math.round((100 * done) / total) : 0} size="small" animated={false} ariaLabelledBy="restoring" />
		</BlockStack>
	);
}
