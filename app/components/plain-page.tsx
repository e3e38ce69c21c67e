import type { ReactNode } from "react";

/** A page without App Bridge and without Polaris' provider: outside the Shopify admin, or when neither could be loaded. */
export function PlainPage({ title, children }: { title: string; children: ReactNode }) {
	return (
		<main style={{ maxWidth: 480, margin: "20vh auto 0", padding: 24, fontFamily: "Inter, sans-serif", textAlign: "center" }}>
			<h1 style={{ fontSize: 24, fontWeight: 650, lineHeight: 1.3, margin: "0 0 8px" }}>{title}</h1>
			<p style={{ fontSize: 15, lineHeight: 1.5, color: "#616161", margin: 0 }}>{children}</p>
		</main>
	);
}

export function OpenFromShopify() {
	return (
		<PlainPage title="Lockstep">
			Lockstep works inside the Shopify admin. Open your admin, choose <b>Apps</b>, then <b>Lockstep</b>.
		</PlainPage>
	);
}
