import type { Mutant } from "./mutant.ts";

/** What a page shows, and what its buttons do. */
export const pages: Mutant[] = [
	{
		name: "parts that somebody changed meanwhile are written over",
		file: "app/pages/item/save-parts.ts",
		from: 'if (!isSame(stands, was)) return nothing({ outcome: "overtaken" });',
		to: "",
		tests: ["app/pages/item/save-parts.test.ts"],
	},
	{
		name: "pages: another shop's view is deleted by its number",
		file: "app/pages/views/saved-views.ts",
		from: "DELETE FROM saved_view WHERE shop_id = $1 AND id = $2",
		to: "DELETE FROM saved_view WHERE $1::bigint > 0 AND id = $2",
		tests: ["tests/isolation/isolation.test.ts"],
	},
	{
		name: "pages: who may look sees what a form does not hold before being refused",
		file: "app/routes/app.channels.$id.go-live/route.tsx",
		from: 'await requireRight(request, "operate");',
		to: "",
		tests: ["tests/isolation/look.test.ts"],
	},
	{
		name: "another writer of a channel's stock is not asked about before going live",
		file: "app/pages/channels/read-other-writer.ts",
		from: "if (!sum?.last_at) return null;",
		to: "if (!sum?.last_at || sum.count > 0) return null;",
		tests: ["app/pages/channels/read-other-writer.test.ts"],
	},
	{
		name: "linking one listing tries again what sells another",
		file: "app/pages/failed/link-failure.ts",
		from: " AND e.event->'lines' @> $4::jsonb",
		to: "",
		tests: ["app/pages/failed/link-failure.test.ts"],
	},
	{
		name: "a correction may hold what the channel's allow-list does not keep",
		file: "app/pages/failed/correct-message.ts",
		from: "if (!isDeepStrictEqual(plain(webhooks.allowList(topic, content)), content))",
		to: "if (false)",
		tests: ["app/pages/failed/correct-message.test.ts"],
	},
	{
		name: "a corrected message may speak of another order",
		file: "app/pages/failed/correct-message.ts",
		from: "if (!isDeepStrictEqual(content.id, message.content.id))",
		to: "if (false)",
		tests: ["app/pages/failed/correct-message.test.ts"],
	},
	{
		name: "whoever may operate may correct what moves stock",
		file: "app/routes/app.failed-updates.$id/route.tsx",
		from: 'await requireRight(request, "approve");',
		to: "",
		tests: ["tests/isolation/look.test.ts"],
	},
	{
		name: "a past moment counts what came after it",
		file: "app/pages/item/read-then.ts",
		from: "AND m.created_at <= $3 ORDER BY m.id DESC",
		to: "AND $3::timestamptz IS NOT NULL ORDER BY m.id DESC",
		tests: ["app/pages/item/read-then.test.ts"],
	},
];
