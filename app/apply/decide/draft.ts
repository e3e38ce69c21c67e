/**
 * One table of the working state. Rows are immutable; a change replaces the row. Changes of the event that is being decided
 * lie in an overlay, so that an event that fails alone is undone alone while the rest of the batch goes on.
 */
export type Draft<K, V> = {
	get(key: K): V | undefined;
	set(key: K, value: V): void;
	values(): IterableIterator<V>;
	/** Rows that differ from what was loaded, with what was loaded (undefined: new). */
	changed(): { key: K; value: V; loaded: V | undefined }[];
	keep(): void;
	undo(): void;
};

export function createDraft<K, V>(loaded: Iterable<readonly [K, V]>): Draft<K, V> {
	const rows = new Map(loaded);
	const before = new Map<K, V | undefined>();
	const overlay = new Map<K, V>();
	return {
		get: (key) => (overlay.has(key) ? overlay.get(key) : rows.get(key)),
		set: (key, value) => void overlay.set(key, value),
		*values() {
			for (const [key, value] of rows) if (!overlay.has(key)) yield value;
			yield* overlay.values();
		},
		changed: () => [...before].map(([key, old]) => ({ key, value: rows.get(key) as V, loaded: old })).filter((c) => c.value !== c.loaded),
		keep() {
			for (const [key, value] of overlay) {
				if (!before.has(key)) before.set(key, rows.get(key));
				rows.set(key, value);
			}
			overlay.clear();
		},
		undo: () => overlay.clear(),
	};
}
