import { ReasonCard } from "../../components/reason-card.tsx";

const REASONS = ["Settled with the buyer", "Sent from somewhere that Lockstep does not count", "A test"] as const;

type DismissCardProps = { busy: boolean; onDismiss: (reason: string) => void; onKeep: () => void };

export const DismissCard = ({ busy, onDismiss, onKeep }: DismissCardProps) => (
	<ReasonCard question="Dismiss this?" reasons={REASONS} act="Dismiss" busy={busy} onAct={onDismiss} onKeep={onKeep}>
		It is closed here and needs nobody any more. No stock moves: the units stay owed until stock covers them, and it can be opened again.
	</ReasonCard>
);
