import { Box, Button, InlineStack, TextField } from "@shopify/polaris";
import { type FormEvent, useEffect, useState } from "react";

/** Goes to a past moment, as the reader's own clock says it. `at`: ISO 8601, the one that is shown. */
export function MomentForm({ at, onShow }: { at: string | null; onShow: (at: string | null) => void }) {
	const [typed, setTyped] = useState("");
	// The reader's zone is known in the browser only.
	useEffect(() => setTyped(at === null ? "" : toLocal(at)), [at]);
	const isMoment = typed !== "" && !Number.isNaN(Date.parse(typed)) && Date.parse(typed) <= Date.now();
	const show = (event: FormEvent) => {
		event.preventDefault();
		if (isMoment) onShow(new Date(typed).toISOString());
	};
	return (
		<form onSubmit={show}>
			<Box paddingInline="400" paddingBlockEnd="300">
				<InlineStack gap="200" blockAlign="end">
					<TextField
						label="How it stood at"
						type="datetime-local"
						autoComplete="off"
						value={typed}
						onChange={setTyped}
						{...(typed !== "" && !isMoment ? { error: "Choose a moment that is over" } : {})}
					/>
					<Button submit disabled={!isMoment}>
						Show
					</Button>
					{at !== null && (
						<Button variant="plain" onClick={() => onShow(null)}>
							Back to now
						</Button>
					)}
				</InlineStack>
			</Box>
		</form>
	);
}

/** As the field wants it: local time, to the minute. */
function toLocal(at: string): string {
	const moment = new Date(at);
	return new Date(moment.getTime() - moment.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
