/**
 * `include_fields`: only the named fields stay in the body. A dotted name reaches into objects and through lists
 * (`line_items.sku`); a name without dots keeps the whole value. No list: the whole body.
 */
export function includeFields(body: unknown, fields: readonly string[]): unknown {
	if (fields.length === 0) return body;
	const tree = new Map<string, string[]>();
	for (const field of fields) {
		const [head = "", ...rest] = field.split(".");
		const deeper = tree.get(head) ?? [];
		tree.set(head, deeper);
		deeper.push(rest.join("."));
	}
	return keep(body, tree);
}

function keep(value: unknown, tree: ReadonlyMap<string, readonly string[]>): unknown {
	if (Array.isArray(value)) return value.map((entry) => keep(entry, tree));
	if (value === null || typeof value !== "object") return value;
	const kept: Record<string, unknown> = {};
	for (const [key, inner] of Object.entries(value)) {
		const below = tree.get(key);
		if (below === undefined) continue;
		kept[key] = below.includes("") ? inner : includeFields(inner, below);
	}
	return kept;
}
