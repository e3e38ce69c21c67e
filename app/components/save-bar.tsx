import { useBlocker } from "@remix-run/react";
import { useEffect } from "react";

type SaveBarProps = { id: string; open: boolean; saving: boolean; disabled?: boolean; onSave: () => void; onDiscard: () => void };

/** The admin's own bar for unsaved changes, above the page; whoever leaves the page with it open is asked first. */
export function SaveBar({ id, open, saving, disabled = false, onSave, onDiscard }: SaveBarProps) {
	useEffect(() => {
		// App Bridge is there once its script has run, before the first effect of a page inside the frame.
		void window.shopify?.saveBar?.[open ? "show" : "hide"](id);
	}, [id, open]);
	const blocker = useBlocker(({ currentLocation, nextLocation }) => open && currentLocation.pathname !== nextLocation.pathname);
	useEffect(() => {
		if (blocker.state !== "blocked") return;
		// Resolves when the person leaves; who stays, stays.
		void window.shopify.saveBar.leaveConfirmation().then(() => blocker.proceed());
	}, [blocker]);
	return (
		<ui-save-bar id={id}>
			<button type="button" variant="primary" disabled={disabled || saving} {...(saving ? { loading: "" } : {})} onClick={onSave}>
				Save
			</button>
			<button type="button" disabled={saving} onClick={onDiscard}>
				Discard
			</button>
		</ui-save-bar>
	);
}
