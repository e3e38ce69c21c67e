import type { ShopifyGlobal } from "@shopify/app-bridge-types";
import type { FromApp, TitleBarButton, ToApp } from "./messages.ts";

/*
 * A stand-in for Shopify's App Bridge, served by the sandbox's admin and loaded by the app's own script tag. It is written from
 * the types that Shopify publishes (@shopify/app-bridge-types) and does what the app relies on; whatever else is asked of it
 * throws, so that the app never leans on something that only works here. It runs inside the app's frame; the admin around it
 * (frame.ts) mints tokens and shows title bar, menu, toasts and the save bar.
 */
(() => {
	const script = document.currentScript as HTMLScriptElement;
	const apiKey = script.dataset.apiKey ?? document.querySelector<HTMLMetaElement>('meta[name="shopify-api-key"]')?.content;
	if (!apiKey) throw new Error("App Bridge stand-in: the script tag has no data-api-key");
	const parameters = new URL(location.href).searchParams;
	const remembered = (name: string): string => {
		const given = parameters.get(name);
		if (given) sessionStorage.setItem(`app-bridge-${name}`, given);
		return given ?? sessionStorage.getItem(`app-bridge-${name}`) ?? "";
	};
	const config = { apiKey, host: remembered("host"), shop: remembered("shop"), locale: remembered("locale") || "en-US" };
	const publicOrigin = new URL(script.src).searchParams.get("app-origin") ?? location.origin;

	// ---- Talking with the admin around us.
	const waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
	const listeners = new Map<string, (message: never) => void>();
	let asked = 0;
	const tell = (message: FromApp) => window.parent.postMessage({ appBridge: true, ...message }, location.origin);
	const ask = <T>(question: "idToken" | "user" | "scopes"): Promise<T> =>
		new Promise<T>((resolve, reject) => {
			const id = ++asked;
			waiting.set(id, { resolve: resolve as (value: never) => void, reject });
			tell({ kind: "ask", id, question });
		});
	window.addEventListener("message", (event: MessageEvent<ToApp & { appBridge?: boolean }>) => {
		if (event.source !== window.parent || event.origin !== location.origin || !event.data.appBridge) return;
		const message = event.data;
		if (message.kind === "answer") {
			const { resolve, reject } = waiting.get(message.id) ?? {};
			waiting.delete(message.id);
			if (message.error) reject?.(new Error(message.error));
			else resolve?.(message.value as never);
		} else listeners.get(message.kind)?.(message as never);
	});
	const on = <K extends ToApp["kind"]>(kind: K, listener: (message: Extract<ToApp, { kind: K }>) => void) =>
		void listeners.set(kind, listener as (message: never) => void);

	// ---- Session tokens live a minute; a fresh one is asked for when little of it is left.
	const RENEW_BEFORE_MS = 10_000;
	let token: { value: string; expiresAt: number } | undefined;
	let renewing: Promise<string> | undefined;
	const idToken = async (): Promise<string> => {
		if (token && token.expiresAt - Date.now() > RENEW_BEFORE_MS) return token.value;
		renewing ??= ask<string>("idToken")
			.then((value) => {
				const { exp } = JSON.parse(atob((value.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/"))) as { exp: number };
				token = { value, expiresAt: exp * 1000 };
				return value;
			})
			.finally(() => {
				renewing = undefined;
			});
		return renewing;
	};

	// ---- fetch: a Bearer token for the app's own origin, one retry when the app asks for it, and leaving when it must.
	const plainFetch = window.fetch.bind(window);
	window.fetch = async (input, init) => {
		const request = new Request(input, init);
		const { origin } = new URL(request.url);
		if (origin !== location.origin) return plainFetch(request);
		const send = async (request: Request) => {
			const headers = new Headers(request.headers);
			headers.set("authorization", `Bearer ${await idToken()}`);
			headers.set("accept-language", config.locale);
			return plainFetch(new Request(request, { headers }));
		};
		const again = request.clone();
		let response = await send(request);
		if (response.headers.get("x-shopify-retry-invalid-session-request")) {
			token = undefined;
			response = await send(again);
		}
		const reauthorize = response.headers.get("x-shopify-api-request-failure-reauthorize-url");
		if (reauthorize) {
			tell({ kind: "leave", url: reauthorize });
			// The page is going away; whoever waits for this answer is not to act on it.
			return new Promise(() => {});
		}
		return response;
	};

	// ---- The bounce page: a document that was asked for without a token comes back here to get one.
	const reload = parameters.get("shopify-reload");
	if (reload) {
		void idToken().then((value) => {
			const target = new URL(reload.replace(publicOrigin, location.origin), location.origin);
			target.searchParams.set("id_token", value);
			location.replace(target);
		});
	}

	// ---- Addresses outside the frame.
	const plainOpen = window.open.bind(window);
	window.open = (url, target, features) => {
		const address = String(url ?? "");
		if (/^shopify:\/*admin\//i.test(address) || target === "_top" || target === "_parent") {
			tell({ kind: "leave", url: address });
			return null;
		}
		return plainOpen(url, target, features);
	};
	const report = () => tell({ kind: "navigated", path: location.pathname });
	for (const name of ["pushState", "replaceState"] as const) {
		const plain = history[name].bind(history);
		history[name] = (...args) => {
			plain(...args);
			report();
		};
	}
	addEventListener("popstate", report);

	// ---- Elements.
	const watchChildren = (element: HTMLElement, changed: () => void) => {
		const observer = new MutationObserver(changed);
		observer.observe(element, { attributes: true, childList: true, subtree: true, characterData: true });
		changed();
		return () => observer.disconnect();
	};
	class AppNav extends HTMLElement {
		#stop = () => {};
		connectedCallback() {
			on("nav", ({ href }) => this.#linkTo(href)?.dispatchEvent(new CustomEvent("shopify:navigate", { bubbles: true })));
			this.hidden = true;
			this.#stop = watchChildren(this, () =>
				tell({
					kind: "nav",
					links: this.#links().map((link) => ({
						href: link.getAttribute("href") ?? "",
						label: link.textContent?.trim() ?? "",
						home: link.getAttribute("rel") === "home",
					})),
				}),
			);
		}
		disconnectedCallback() {
			this.#stop();
			tell({ kind: "nav", links: [] });
		}
		#links = () => [...this.querySelectorAll<HTMLElement>("a, s-link")];
		#linkTo = (href: string) => this.#links().find((link) => link.getAttribute("href") === href);
	}
	const buttonsOf = (element: HTMLElement) => [...element.querySelectorAll<HTMLElement>("button, a")];
	const describe = (button: HTMLElement): TitleBarButton => ({
		label: button.textContent?.trim() ?? "",
		variant: button.getAttribute("variant"),
		tone: button.getAttribute("tone"),
		disabled: button.hasAttribute("disabled"),
		loading: button.hasAttribute("loading") && button.getAttribute("loading") !== "false",
	});
	class TitleBar extends HTMLElement {
		#stop = () => {};
		connectedCallback() {
			this.hidden = true;
			if (this.closest("ui-modal")) return;
			on("title-bar", ({ index }) => buttonsOf(this)[index]?.click());
			this.#stop = watchChildren(this, () =>
				tell({ kind: "title-bar", title: this.getAttribute("title") ?? document.title, buttons: buttonsOf(this).map(describe) }),
			);
		}
		disconnectedCallback() {
			this.#stop();
			if (!this.closest("ui-modal")) tell({ kind: "title-bar", title: "", buttons: [] });
		}
	}
	class SaveBar extends HTMLElement {
		discardConfirmation = false;
		#showing = false;
		#stop = () => {};
		connectedCallback() {
			this.hidden = true;
		}
		disconnectedCallback() {
			if (this.#showing) void this.hide();
		}
		get showing() {
			return this.#showing;
		}
		async show() {
			this.#showing = true;
			on("save-bar", ({ pressed }) =>
				buttonsOf(this)
					.find((b) => (b.getAttribute("variant") === "primary") === (pressed === "save"))
					?.click(),
			);
			this.#stop();
			this.#stop = watchChildren(this, () => tell({ kind: "save-bar", buttons: buttonsOf(this).map(describe) }));
			this.dispatchEvent(new Event("show"));
		}
		async hide() {
			this.#showing = false;
			this.#stop();
			tell({ kind: "save-bar", buttons: null });
			this.dispatchEvent(new Event("hide"));
		}
		toggle() {
			return this.#showing ? this.hide() : this.show();
		}
	}
	/** The real one is drawn over the whole admin; here it covers the frame. */
	class Modal extends HTMLElement {
		variant = "base";
		readonly content = document.createElement("div");
		#dialog: HTMLDialogElement | undefined;
		connectedCallback() {
			this.hidden = true;
			if (this.hasAttribute("src")) throw new Error("App Bridge stand-in: ui-modal with src is not simulated");
		}
		disconnectedCallback() {
			this.#dialog?.remove();
		}
		get showing() {
			return this.#dialog !== undefined;
		}
		async show() {
			if (this.#dialog) return;
			const dialog = document.createElement("dialog");
			dialog.setAttribute("aria-label", this.querySelector("ui-title-bar")?.getAttribute("title") ?? "");
			dialog.style.cssText = "border:0;border-radius:16px;padding:0;width:min(620px,90vw);box-shadow:0 20px 60px #0005;font:inherit";
			const title = document.createElement("h2");
			title.textContent = this.querySelector("ui-title-bar")?.getAttribute("title") ?? "";
			title.style.cssText = "font-size:14px;font-weight:650;margin:0;padding:16px;background:#f3f3f3";
			const body = document.createElement("div");
			body.append(
				this.content,
				...[...this.children].filter((child) => child.localName !== "ui-title-bar").map((child) => child.cloneNode(true)),
			);
			const actions = document.createElement("div");
			actions.style.cssText = "display:flex;justify-content:flex-end;gap:8px;padding:16px;border-top:1px solid #e3e3e3";
			for (const button of [...this.querySelectorAll<HTMLElement>("ui-title-bar button")].reverse()) {
				const shown = document.createElement("button");
				shown.textContent = button.textContent;
				shown.style.cssText = `border:0;border-radius:8px;padding:6px 12px;font:550 12px/16px Inter,sans-serif;cursor:pointer;${
					button.getAttribute("variant") === "primary"
						? "background:#303030;color:#fff"
						: "background:#fff;color:#303030;box-shadow:0 0 0 1px #8a8a8a inset"
				}`;
				shown.addEventListener("click", () => button.click());
				actions.append(shown);
			}
			dialog.append(title, body, actions);
			dialog.addEventListener("close", () => void this.hide());
			document.body.append(dialog);
			dialog.showModal();
			this.#dialog = dialog;
			this.dispatchEvent(new Event("show"));
		}
		async hide() {
			if (!this.#dialog) return;
			const dialog = this.#dialog;
			this.#dialog = undefined;
			dialog.remove();
			this.dispatchEvent(new Event("hide"));
		}
		toggle() {
			return this.#dialog ? this.hide() : this.show();
		}
	}
	customElements.define("s-app-nav", AppNav);
	customElements.define("ui-title-bar", TitleBar);
	customElements.define("ui-save-bar", SaveBar);
	customElements.define("ui-modal", Modal);
	const element = <T>(id: string, kind: new () => T): T => {
		const found = document.getElementById(id);
		if (!(found instanceof kind)) throw new Error(`App Bridge stand-in: no ${kind.name} with the id "${id}"`);
		return found;
	};

	// ---- The global.
	let toasts = 0;
	type Simulated = Pick<
		ShopifyGlobal,
		"config" | "origin" | "ready" | "environment" | "loading" | "idToken" | "user" | "toast" | "modal" | "saveBar" | "scopes"
	>;
	const simulated: Simulated = {
		config,
		origin: location.origin,
		ready: Promise.resolve(),
		environment: { mobile: false, embedded: window.parent !== window, pos: false, intent: false },
		loading: (isLoading = true) => tell({ kind: "loading", isLoading }),
		idToken,
		user: () => ask("user"),
		toast: {
			show(message, options = {}) {
				const id = `toast-${++toasts}`;
				const { duration = 5000, isError = false, action } = options;
				on("toast", ({ pressed }) => (pressed === "action" ? options.onAction?.() : options.onDismiss?.()));
				tell({ kind: "toast", id, message, duration, isError, action: action ?? null });
				return id;
			},
			hide: (id) => tell({ kind: "toast-hide", id }),
		},
		modal: {
			show: (id) => element(id, Modal).show(),
			hide: (id) => element(id, Modal).hide(),
			toggle: (id) => element(id, Modal).toggle(),
		},
		saveBar: {
			show: (id) => element(id, SaveBar).show(),
			hide: (id) => element(id, SaveBar).hide(),
			toggle: (id) => element(id, SaveBar).toggle(),
			async leaveConfirmation() {
				const open = [...document.querySelectorAll("ui-save-bar")].some((bar) => bar instanceof SaveBar && bar.showing);
				if (open && !confirm("Leave page with unsaved changes?")) await new Promise(() => {});
			},
		},
		scopes: {
			query: () => ask("scopes"),
			request: () => Promise.reject(new Error("App Bridge stand-in: asking for scopes is not simulated")),
			revoke: () => Promise.reject(new Error("App Bridge stand-in: giving scopes back is not simulated")),
		},
	};
	window.shopify = new Proxy(simulated as ShopifyGlobal, {
		get(target, name, receiver) {
			if (name in target || typeof name === "symbol") return Reflect.get(target, name, receiver);
			throw new Error(`App Bridge stand-in: shopify.${name} is not simulated`);
		},
	});
	report();
})();
