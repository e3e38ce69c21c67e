import { enlistNeighbour } from "../kit/neighbour-channel.ts";

/** Loaded before one of the app's processes (`node --import`), so that it knows the market next door. */
enlistNeighbour(process.env.MARKET_ORIGIN ?? "");
