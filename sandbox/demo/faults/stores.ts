import type { StoreName } from "../markets/woocommerce.ts";

/** Six stores of the merchant that sell the same; what becomes of each stands in troubles.ts. */
export const STEADY = "steady";
export const LIMITED = "limited";
export const DOWN = "down";
export const LATE = "late";
export const PICKY = "picky";
export const REVOKED = "revoked";

/** Enough that no sale is refused for want of it, however often the day is played. */
export const PIECES_OF_EACH = 400;
const PRODUCTS = 100;
/** The picky store refuses three of so many. */
const FEW_PRODUCTS = 25;

const store = (id: string, name: string, sells = PRODUCTS): StoreName & { sells: number } => ({
	id,
	name,
	host: `${id}.hagi-and-oak.example`,
	sells,
});

export const FAULTY_STORES = [
	store(STEADY, "Steady store"),
	store(LIMITED, "Store that answers 429"),
	store(DOWN, "Store that is down"),
	store(LATE, "Store that answers late"),
	store(PICKY, "Store that refuses three products", FEW_PRODUCTS),
	store(REVOKED, "Store that revokes its key"),
];

/** Nobody can order in a store that is down; so that both runs have the same buyers, it has none in either. */
export const SELLERS = ["shopify", ...FAULTY_STORES.map(({ id }) => id).filter((id) => id !== DOWN)];
/** On these a run with faults is compared with one without. */
export const HEALTHY = ["shopify", STEADY];
