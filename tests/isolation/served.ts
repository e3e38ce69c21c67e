import { readdirSync, readFileSync } from "node:fs";
import type { ServerBuild } from "@remix-run/node";
import type pg from "pg";

const ROOT = new URL("../../", import.meta.url);

/** A page, file or action of the embedded app as it is served: read from the build, so none can be left out. */
export type ServedRoute = {
	id: string;
	/** As Remix writes it: /app/channels/:id/matching/:listing */
	path: string;
	params: string[];
	/** A page inside of another at the same address; Remix asks for it by ?index. */
	index: boolean;
	hasLoader: boolean;
	hasAction: boolean;
	/** What its action tells apart, in the order of its source; one empty word where it does one thing only. */
	intents: string[];
};

/** The build reads the process's environment when it is loaded: set it first, and build the app. */
export async function servedRoutes(): Promise<ServedRoute[]> {
	const build = (await import(new URL("build/server/index.js", ROOT).href)) as ServerBuild;
	return Object.values(build.routes).flatMap((route) => {
		if (!route) return [];
		const segments: string[] = [];
		for (let at: string | undefined = route.id; at; at = build.routes[at]?.parentId) segments.unshift(build.routes[at]?.path ?? "");
		const path = `/${segments.filter(Boolean).join("/")}`;
		return {
			id: route.id,
			path,
			params: [...path.matchAll(/:(\w+)|\*/g)].map(([whole, name]) => name ?? whole),
			index: route.index === true,
			hasLoader: route.module.loader !== undefined,
			hasAction: route.module.action !== undefined,
			intents: route.module.action === undefined ? [] : intentsOf(route.id),
		};
	});
}

/** `z.literal("pause")`, `z.enum(["pause", "resume"])` and `intent === "pause"`: the three ways in which actions here tell them apart. */
function intentsOf(routeId: string): string[] {
	const file = [".tsx", ".ts", "/route.tsx"].map((end) => new URL(`app/${routeId}${end}`, ROOT)).find((url) => readable(url));
	if (!file) throw new Error(`The source of ${routeId} was not found`);
	const source = readFileSync(file, "utf8");
	const literals = [...source.matchAll(/\bintent: z\.literal\("([\w-]+)"\)/g)].map(([, word]) => word ?? "");
	const enums = [...source.matchAll(/\bintent: z\.enum\(\[([^\]]+)\]\)/g)].flatMap(([, list]) => [...(list ?? "").matchAll(/"([\w-]+)"/g)]);
	const compared = [...source.matchAll(/\bif \(intent === "([\w-]+)"\)/g)].map(([, word]) => word ?? "");
	const found = [...new Set([...literals, ...enums.map(([, word]) => word ?? ""), ...compared])];
	return found.length > 0 ? found : [""];
}

function readable(url: URL): boolean {
	try {
		return readFileSync(url).length > 0;
	} catch {
		return false;
	}
}

/** Every name that any page looks for behind the question mark. */
export function queryNames(): string[] {
	const names = new Set<string>();
	for (const folder of ["app/pages/", "app/routes/"]) {
		for (const entry of readdirSync(new URL(folder, ROOT), { recursive: true, withFileTypes: true })) {
			if (!entry.isFile() || !/\.tsx?$/.test(entry.name)) continue;
			const source = readFileSync(`${entry.parentPath}/${entry.name}`, "utf8");
			for (const [, name] of source.matchAll(/\.(?:get|getAll|has)\("(\w+)"\)/g)) if (name) names.add(name);
		}
	}
	return [...names].sort();
}

export type ServedTable = { name: string; columns: { name: string; type: string; worded: boolean }[] };

/** Every table whose rows are a shop's; partitions of a table are that table. `worded`: a CHECK knows the column's words. */
export async function tablesOfShops(pool: pg.Pool): Promise<ServedTable[]> {
	const { rows } = await pool.query<{ name: string; column: string; type: string; worded: boolean }>(
		`SELECT c.relname AS name, a.attname AS "column", format_type(a.atttypid, NULL) AS type,
		   EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'c' AND a.attnum = ANY (k.conkey)
		     AND pg_get_constraintdef(k.oid) LIKE '%= ANY%') AS worded
		 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public'
		 JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
		 WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
		   AND EXISTS (SELECT FROM pg_attribute s WHERE s.attrelid = c.oid AND s.attname = 'shop_id' AND NOT s.attisdropped)
		 ORDER BY 1, a.attnum`,
	);
	const tables = new Map<string, ServedTable>();
	for (const { name, ...column } of rows) {
		const table = tables.get(name) ?? { name, columns: [] };
		table.columns.push({ name: column.column, type: column.type, worded: column.worded });
		tables.set(name, table);
	}
	return [...tables.values()];
}
