import { z } from "zod";

/**
 * How much Shopify's figures may change at once before somebody is asked. By itself and within a quarter of an hour, that is: sales
 * are never asked about.
 */
export const guardsSchema = z.object({
	/** Products that go to zero. null: nobody is asked. The smaller of the two counts. */
	zero: z
		.object({ products: z.int().min(1).max(1_000_000), percent: z.int().min(1).max(100) })
		.nullable()
		.default({ products: 50, percent: 5 }),
	/** Products that are raised. null: nobody is asked. */
	raise: z
		.object({ percent: z.int().min(1).max(100) })
		.nullable()
		.default({ percent: 20 }),
});
export type Guards = z.infer<typeof guardsSchema>;

/** A small shop changes a good part of what it sells by hand; a percentage asks nobody about fewer products than these. */
export const ZERO_LEAST = 10;
export const RAISE_LEAST = 100;

/** What is stored: nothing at all, or what the settings page has saved. */
export const readGuards = (stored: unknown): Guards => guardsSchema.parse(stored ?? {});

export type GuardLimits = { zero: number | null; raise: number | null };

/** How many products may change unasked in a shop that sells so many. */
export const limitsOf = ({ zero, raise }: Guards, sold: number): GuardLimits => ({
	zero: zero && Math.min(zero.products, Math.max(ZERO_LEAST, Math.ceil((sold * zero.percent) / 100))),
	raise: raise && Math.max(RAISE_LEAST, Math.ceil((sold * raise.percent) / 100)),
});
