/** What an e-mail says, before it is text or HTML. */
export type Letter = { subject: string /** What it is about, under the subject. */; intro: string; parts: LetterPart[]; foot: string };
export type LetterPart = {
	heading: string;
	lines: string[];
	/** The page where something can be done about it. */
	link?: { label: string; url: string };
};

/** As it is read where HTML is not. */
export const asText = ({ subject, intro, parts, foot }: Letter): string =>
	[
		intro,
		...parts.map(({ heading, lines, link }) =>
			[...(heading === subject ? [] : [heading]), ...lines, ...(link ? [`${link.label}: ${link.url}`] : [])].join("\n"),
		),
		`--\n${foot}`,
	].join("\n\n");

/** Styles stand in the elements: mail programs drop everything else. */
export const asHtml = ({ subject, intro, parts, foot }: Letter): string => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>${escaped(subject)}</title></head>
<body style="margin:0;background:#f1f1f1;font:14px/20px -apple-system,'Segoe UI',Roboto,Arial,sans-serif;color:#303030">
<table role="presentation" width="100%" cellspacing="0" cellpadding="0"><tr><td align="center" style="padding:24px 12px">
<table role="presentation" width="100%" cellspacing="0" cellpadding="0" style="max-width:560px;background:#ffffff;border-radius:12px;border:1px solid #e3e3e3">
<tr><td style="padding:24px 24px 8px"><h1 style="margin:0 0 8px;font-size:20px;line-height:28px">${escaped(subject)}</h1><p style="margin:0">${escaped(intro)}</p></td></tr>
${parts.map((part) => partAsHtml(part, subject)).join("\n")}
<tr><td style="padding:16px 24px 24px;color:#616161;font-size:12px;line-height:16px;border-top:1px solid #e3e3e3">${escaped(foot)}</td></tr>
</table></td></tr></table></body></html>
`;

/** What the subject says already is not said again. */
const partAsHtml = ({ heading, lines, link }: LetterPart, subject: string): string =>
	`<tr><td style="padding:8px 24px 16px">${
		heading === subject ? "" : `<h2 style="margin:0 0 4px;font-size:14px;line-height:20px">${escaped(heading)}</h2>`
	}${lines.map((line) => `<p style="margin:0 0 4px">${escaped(line)}</p>`).join("")}${
		link
			? `<p style="margin:8px 0 0"><a href="${escaped(link.url)}" style="color:#005bd3;font-weight:600">${escaped(link.label)}</a></p>`
			: ""
	}</td></tr>`;

const escaped = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
