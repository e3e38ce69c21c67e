/** The number in the address; null: it is none. */
export function bulkIdOf(text: string | undefined): number | null {
	const id = Number(text);
	return Number.isSafeInteger(id) && id > 0 ? id : null;
}
