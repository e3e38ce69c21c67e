/** What all pages of the stand-in have in common. */
export const htmlText = (value: string) =>
	value.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

/** Every page says that it is a simulation. Nothing is loaded from anywhere. */
export const framed = (said: string, title: string, body: string) => `<!DOCTYPE html>
<html lang="en-US">
<head>
<meta charset="UTF-8" />
<meta name="viewport" content="width=device-width, initial-scale=1" />
<meta name="robots" content="noindex, nofollow" />
<title>${htmlText(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<p class="simulated">${htmlText(said)}</p>
<main>${body}</main>
</body>
</html>
`;

const STYLE = `
:root{color-scheme:light;--ink:#1b2a33;--soft:#5b6b75;--line:#d5dbdb;--go:#0b6b66}
*{box-sizing:border-box}
body{margin:0;font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:#f4f6f6}
.simulated{margin:0;padding:.4rem 1rem;background:#fff3c4;color:#5c4700;text-align:center;font-size:.85rem}
main{max-width:46rem;margin:2rem auto;padding:1.5rem 2rem 2rem;background:#fff;border:1px solid var(--line);border-radius:8px}
h1{font-size:1.4rem;margin:.2rem 0 1rem}
label{display:block;padding:.5rem .75rem;border:1px solid var(--line);border-radius:6px;margin:.5rem 0}
small{color:var(--soft)}
button{border:0;border-radius:6px;padding:.55rem 1.1rem;background:var(--go);color:#fff;font:inherit;cursor:pointer}
button.quiet{background:#fff;color:var(--ink);border:1px solid var(--line)}
.products{list-style:none;margin:0;padding:0;border:1px solid var(--line);border-radius:8px}
.products li{display:grid;grid-template-columns:1fr 9rem 6rem auto;gap:1rem;align-items:center;padding:.8rem 1rem;border-top:1px solid var(--line)}
.products li:first-child{border-top:0}
.products small{display:block}
.stock{color:var(--go)}.gone .stock{color:#a33}
.price{text-align:right;font-variant-numeric:tabular-nums}
button[disabled]{background:#cfd6d6;cursor:default}
.notice{padding:.7rem 1rem;border-radius:8px}.good{background:#dff1ea}.bad{background:#fbe3e0}
@media (max-width:40rem){.products li{grid-template-columns:1fr auto}.price{text-align:left}}
@media (max-width:40rem){main{margin:1rem;padding:1rem}}
`;
