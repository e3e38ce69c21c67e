/*
 * Live figures on the admin's own pages: `<tbody data-poll="/address">` is filled again with what the address answers, as long
 * as somebody looks and is not typing in it. Forms inside are sent in the background, so that a list keeps its place.
 */
(() => {
	/** Unless the element says otherwise (`data-poll-ms`). */
	const POLL_MS = 1_500;
	const refresh = async (element: HTMLElement) => {
		const focused = element.contains(document.activeElement) && /^(INPUT|SELECT)$/.test(document.activeElement?.tagName ?? "");
		if (document.hidden || focused) return;
		const response = await fetch(element.dataset.poll ?? "");
		if (!response.ok) return;
		const text = await response.text();
		if (element.dataset.shown === text) return;
		element.dataset.shown = text;
		element.innerHTML = text;
	};
	for (const element of document.querySelectorAll<HTMLElement>("[data-poll]")) {
		const everyMs = Number(element.dataset.pollMs) || POLL_MS;
		const again = () =>
			void refresh(element)
				.catch(() => {})
				.finally(() => setTimeout(again, everyMs));
		setTimeout(again, everyMs);
	}
	const say = (message: string, isError: boolean) => {
		const toast = document.createElement("div");
		toast.className = `toast ${isError ? "toast-error" : ""}`;
		toast.setAttribute("role", "status");
		toast.textContent = message;
		document.querySelector("#toasts")?.append(toast);
		setTimeout(() => toast.remove(), 4_000);
	};
	document.addEventListener("submit", (event) => {
		const form = event.target;
		if (!(form instanceof HTMLFormElement) || form.method !== "post") return;
		event.preventDefault();
		const submitter = event.submitter instanceof HTMLButtonElement ? event.submitter : null;
		const fields = new URLSearchParams();
		for (const [name, value] of new FormData(form, submitter)) fields.append(name, String(value));
		if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
		fetch(form.action, { method: "POST", body: fields })
			.then(async (response) => say(await response.text(), !response.ok))
			.then(() => Promise.all([...document.querySelectorAll<HTMLElement>("[data-poll]")].map(refresh)))
			.catch((error: unknown) => say(String(error), true));
	});
})();
