import { ReasonCard } from "../../components/reason-card.tsx";

const REASONS = ["Mended by hand on the channel", "Not sold there any more", "A test"] as const;

type DiscardCardProps = { what: string; busy: boolean; onDiscard: (reason: string) => void; onKeep: () => void };

export const DiscardCard = ({ what, busy, onDiscard, onKeep }: DiscardCardProps) => (
	<ReasonCard question={`Discard ${what}?`} reasons={REASONS} act="Discard" busy={busy} onAct={onDiscard} onKeep={onKeep}>
		Nothing more is tried for them. What the channel shows stays as it is until the product's figure changes and an update succeeds.
	</ReasonCard>
);
