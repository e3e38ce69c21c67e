import { Badge, InlineStack, Text } from "@shopify/polaris";
import type { TotalsCheck } from "#reconcile";
import { number, percent } from "./words.ts";

/** 0.1% (R26); what a shop is told of is in its own settings. */
export const DRIFT_MAX = 0.001;

/** The sums of one comparison, each as the channel and as Lockstep has it. */
export function TotalsFigures({ check, name }: { check: TotalsCheck; name: string }) {
	const { figures } = check;
	if (!figures) return null;
	const rows: { what: string; there: string; here: string; differs: boolean }[] = [
		pair("Orders", figures.orders),
		pair("Units", figures.units),
		...figures.revenue.map(({ currency, there, here }) => ({
			what: `Sum (${currency})`,
			there: money(there),
			here: money(here),
			differs: Number(there) !== Number(here),
		})),
		...(figures.stock ? [pair("Units for sale", figures.stock)] : []),
	];
	return (
		<dl className="facts" data-testid="totals">
			{rows.map(({ what, there, here, differs }) => (
				<div className="fact" key={what}>
					<dt>
						<Text as="span" tone="subdued">
							{what}
						</Text>
					</dt>
					<dd>
						<InlineStack gap="200" blockAlign="center">
							<span className="figures">
								{there} on {name}, {here} in Lockstep
							</span>
							{differs && <Badge tone="warning">Differs</Badge>}
						</InlineStack>
					</dd>
				</div>
			))}
			<div className="fact">
				<dt>
					<Text as="span" tone="subdued">
						Largest difference
					</Text>
				</dt>
				<dd>
					<Badge tone={figures.drift > DRIFT_MAX ? "warning" : "success"}>{percent(figures.drift)}</Badge>
				</dd>
			</div>
		</dl>
	);
}

/** The window ends with the first moment that is no more in it. */
export const lastDayOf = ({ to }: Pick<TotalsCheck, "to">): string => new Date(Date.parse(to) - 1).toISOString();

const pair = (what: string, { there, here }: { there: number; here: number }) => ({
	what,
	there: number(there),
	here: number(here),
	differs: there !== here,
});

/** As stated, without the zeros behind it that only the database keeps. */
const money = (amount: string): string => Number(amount).toLocaleString("en", { minimumFractionDigits: 2, maximumFractionDigits: 6 });
