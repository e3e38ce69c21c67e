/**
 * A listing's channel does not show, or may not show, what it must: the figure differs (below zero a channel sells as little as
 * at zero), it was seen showing something else, or a write may still land. Listings that only wait for their regular check are
 * dirty as well, whole catalogues of them at once; they are as right as they were, and are not counted.
 */
export const OWES_WRITE = `(desired IS NOT NULL AND (
	shown IS NULL OR greatest(0, shown) <> greatest(0, desired - unseen)
	OR seen <> shown OR uncertain_until > now()))`;
