/** From an address: null for anything but a whole number that an id could be. */
export function channelIdOf(text: string | undefined): number | null {
	return text && /^[1-9]\d{0,14}$/.test(text) ? Number(text) : null;
}

/** The answer to an address of something that is not this shop's: as if it were nowhere. */
export const notThere = () => new Response(null, { status: 404 });
