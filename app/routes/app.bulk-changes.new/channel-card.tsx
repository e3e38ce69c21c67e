import { useFetcher, useLoaderData } from "@remix-run/react";
import { BlockStack, Button, Card, ChoiceList, InlineStack, Select, Text, TextField } from "@shopify/polaris";
import { useState } from "react";
import type { Said } from "#app/authenticate.server.ts";
import { useSaid } from "../../components/use-said.ts";
import type { loader } from "./route.tsx";

const DAY_MS = 86_400_000;
const DAYS_AGO = 7;

/** Reads what a channel has once more: its orders since a day, or every listing. */
export function ChannelCard() {
	const { channels, press, today } = useLoaderData<typeof loader>();
	const fetcher = useFetcher<Said>();
	useSaid(fetcher);
	const [channel, setChannel] = useState(String(channels[0]?.id ?? ""));
	const [work, setWork] = useState("orders");
	const [since, setSince] = useState(new Date(Date.parse(today) - DAYS_AGO * DAY_MS).toISOString().slice(0, 10));
	if (channels.length === 0) return null;
	const look = () =>
		fetcher.submit(
			{ intent: work, channel, press: `${press}-${channel}-${since}`, ...(work === "orders" ? { since } : {}) },
			{ method: "post" },
		);
	return (
		<Card>
			<BlockStack gap="300">
				<Text as="h2" variant="headingSm">
					From a channel
				</Text>
				<Select
					label="Channel"
					options={channels.map(({ id, name }) => ({ value: String(id), label: name }))}
					value={channel}
					onChange={setChannel}
				/>
				<ChoiceList
					title="What is read again"
					choices={[
						{
							value: "orders",
							label: "Its orders since a day",
							helpText: "You see first how many are missing here and what they would take. What is counted already is not counted again.",
						},
						{
							value: "listings",
							label: "Every listing",
							helpText: "What each shows is read and compared with what it should show.",
						},
					]}
					selected={[work]}
					onChange={([one]) => setWork(one ?? "orders")}
				/>
				{work === "orders" && <TextField label="Since" type="date" value={since} max={today} onChange={setSince} autoComplete="off" />}
				<InlineStack>
					<Button disabled={since === ""} loading={fetcher.state !== "idle"} onClick={look}>
						Look at it first
					</Button>
				</InlineStack>
			</BlockStack>
		</Card>
	);
}
