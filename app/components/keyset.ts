/** Where a page of a list begins or ends: the values of its order's columns, as they travel in the address. */
export type Cursor = readonly (string | number)[];

export const toCursorText = (cursor: Cursor): string => JSON.stringify(cursor);

/** null: not one of ours, or of another list; the list then begins at its beginning. */
export function readCursor(text: string | null, shape: readonly ("string" | "number")[]): Cursor | null {
	if (!text) return null;
	try {
		const value: unknown = JSON.parse(text);
		if (!Array.isArray(value) || value.length !== shape.length) return null;
		return shape.every((type, index) => typeof value[index] === type) ? (value as Cursor) : null;
	} catch {
		return null;
	}
}

/**
 * Cuts what was read (one row more than a page, in the direction of reading) to a page in the list's own order, with the cursors of
 * its two ends where something lies beyond them.
 */
export function cutPage<Row>(
	rows: readonly Row[],
	page: { size: number; backwards: boolean; startsAtCursor: boolean; cursorOf: (row: Row) => Cursor },
): { rows: Row[]; pages: { before: string | null; after: string | null } } {
	const more = rows.length > page.size;
	const kept = rows.slice(0, page.size);
	if (page.backwards) kept.reverse();
	const [first, last] = [kept[0], kept.at(-1)];
	const hasBefore = page.backwards ? more : page.startsAtCursor;
	const hasAfter = page.backwards ? true : more;
	return {
		rows: kept,
		pages: {
			before: hasBefore && first ? toCursorText(page.cursorOf(first)) : null,
			after: hasAfter && last ? toCursorText(page.cursorOf(last)) : null,
		},
	};
}
