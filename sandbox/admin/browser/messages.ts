/** What the App Bridge stand-in in the app's frame and the admin page around it say to each other. */
export type TitleBarButton = { label: string; variant: string | null; tone: string | null; disabled: boolean; loading: boolean };
export type NavLink = { href: string; label: string; home: boolean };

export type FromApp =
	| { kind: "ask"; id: number; question: "idToken" | "user" | "scopes" }
	| { kind: "nav"; links: NavLink[] }
	| { kind: "title-bar"; title: string; buttons: TitleBarButton[] }
	/** null: no save bar. */
	| { kind: "save-bar"; buttons: TitleBarButton[] | null }
	| { kind: "toast"; id: string; message: string; duration: number; isError: boolean; action: string | null }
	| { kind: "toast-hide"; id: string }
	| { kind: "loading"; isLoading: boolean }
	| { kind: "navigated"; path: string }
	/** The app wants the whole window elsewhere: an admin page, a consent, a reauthorisation. */
	| { kind: "leave"; url: string };

export type ToApp =
	| { kind: "answer"; id: number; value?: unknown; error?: string }
	| { kind: "nav"; href: string }
	| { kind: "title-bar"; index: number }
	| { kind: "save-bar"; pressed: "save" | "discard" }
	| { kind: "toast"; pressed: "action" | "dismiss" };
