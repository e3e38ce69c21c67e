import type { FromApp, TitleBarButton, ToApp } from "./messages.ts";

/*
 * The admin's side of the embedded app: answers what the App Bridge stand-in asks, and shows around the frame what the real
 * admin shows there: the app's title bar and buttons, its menu, toasts, the save bar, the loading line.
 */
(() => {
	const frame = document.querySelector<HTMLIFrameElement>("#app-frame");
	const settings = document.querySelector<HTMLElement>("[data-frame-settings]")?.dataset;
	if (!frame || !settings) return;
	const { root = "", tokenUrl = "", userUrl = "", publicOrigin = "" } = settings;
	const slot = (id: string) => document.querySelector<HTMLElement>(`#${id}`) ?? document.createElement("div");
	const send = (message: ToApp) => frame.contentWindow?.postMessage({ appBridge: true, ...message }, location.origin);

	const answers = {
		idToken: async () => (await (await fetch(tokenUrl, { method: "POST" })).json()) as unknown,
		user: async () => (await (await fetch(userUrl)).json()) as unknown,
		scopes: async () => ({ granted: [], required: [], optional: [] }),
	};

	const buttonFor = (button: TitleBarButton, press: () => void) => {
		const shown = document.createElement("button");
		shown.className = `button ${button.variant === "primary" ? "button-primary" : ""} ${button.tone === "critical" ? "button-critical" : ""}`;
		shown.textContent = button.loading ? "…" : button.label;
		shown.disabled = button.disabled || button.loading;
		shown.addEventListener("click", press);
		return shown;
	};

	/** Where an address of the app's world is in ours: its own pages in the frame, Shopify's admin in this one. */
	const leave = (url: string) => {
		const admin = url.match(/^(?:https:\/\/admin\.shopify\.com\/store\/[^/]+|shopify:\/*admin)(\/.*)?$/i);
		const own = url.startsWith(`${publicOrigin}/`) ? url.slice(publicOrigin.length) : url.startsWith("/") ? url : null;
		if (admin) location.href = `${root}${admin[1] ?? ""}`;
		else if (own) location.href = own;
		else location.href = url;
	};

	const appPath = (path: string) => `${root}/apps/${settings.handle}${path}`;
	const markCurrent = () => {
		for (const link of document.querySelectorAll<HTMLAnchorElement>("#app-nav a")) {
			if (link.pathname === location.pathname) link.setAttribute("aria-current", "page");
			else link.removeAttribute("aria-current");
		}
	};

	const shows: { [K in FromApp["kind"]]: (message: Extract<FromApp, { kind: K }>) => void } = {
		ask({ id, question }) {
			answers[question]().then(
				(value) => send({ kind: "answer", id, value }),
				(error: unknown) => send({ kind: "answer", id, error: String(error) }),
			);
		},
		nav({ links }) {
			slot("app-nav").replaceChildren(
				...links
					.filter((link) => !link.home)
					.map(({ href, label }) => {
						const link = document.createElement("a");
						link.href = appPath(href);
						link.textContent = label;
						link.addEventListener("click", (event) => {
							event.preventDefault();
							send({ kind: "nav", href });
						});
						return link;
					}),
			);
			markCurrent();
		},
		"title-bar"({ title, buttons }) {
			slot("app-title").textContent = title;
			document.title = `${[title, settings.name].filter(Boolean).join(" · ")} · Simulated Shopify admin`;
			slot("app-actions").replaceChildren(...buttons.map((button, index) => buttonFor(button, () => send({ kind: "title-bar", index }))));
		},
		"save-bar"({ buttons }) {
			const bar = slot("save-bar");
			bar.hidden = buttons === null;
			const label = document.createElement("span");
			label.textContent = "Unsaved changes";
			bar.replaceChildren(
				label,
				// As the admin has them: whatever saves stands last.
				...[...(buttons ?? [])]
					.reverse()
					.map((button) => buttonFor(button, () => send({ kind: "save-bar", pressed: button.variant === "primary" ? "save" : "discard" }))),
			);
		},
		toast({ id, message, duration, isError, action }) {
			const toast = document.createElement("div");
			toast.className = `toast ${isError ? "toast-error" : ""}`;
			toast.id = id;
			toast.setAttribute("role", "status");
			toast.append(message);
			const press = (pressed: "action" | "dismiss") => () => {
				toast.remove();
				send({ kind: "toast", pressed });
			};
			if (action) toast.append(buttonFor({ label: action, variant: null, tone: null, disabled: false, loading: false }, press("action")));
			const close = document.createElement("button");
			close.textContent = "×";
			close.setAttribute("aria-label", "Dismiss");
			close.addEventListener("click", press("dismiss"));
			toast.append(close);
			slot("toasts").append(toast);
			setTimeout(() => toast.remove(), duration);
		},
		"toast-hide": ({ id }) => document.getElementById(id)?.remove(),
		loading({ isLoading }) {
			slot("loading").hidden = !isLoading;
		},
		navigated({ path }) {
			if (path.startsWith("/auth/")) return;
			history.replaceState(null, "", appPath(path));
			markCurrent();
		},
		leave: ({ url }) => leave(url),
	};

	window.addEventListener("message", (event: MessageEvent<FromApp & { appBridge?: boolean }>) => {
		if (event.source !== frame.contentWindow || event.origin !== location.origin || !event.data.appBridge) return;
		(shows[event.data.kind] as (message: FromApp) => void)(event.data);
	});

	frame.addEventListener("load", () => {
		slot("loading").hidden = true;
	});
	// Only now: what the app says before somebody listens would be lost.
	frame.src = frame.dataset.src ?? "";
})();
