import { beforeEach, describe, expect, test } from "vitest";
import { createWorld, type World } from "../world.ts";
import { createFollower, type Follower } from "./follow.ts";

const SECOND_MS = 1_000;

describe("a product followed over all channels", () => {
	let world: World;
	let follower: Follower;
	const show = (channel: string, quantity: number) => world.books.showed({ channel, sku: "TEA", quantity, cause: "write" });
	const sell = (channel: string, units: number) => world.books.sold({ channel, orderId: "1", sku: "TEA", units });
	const said = () => Object.fromEntries(follower.look().figures.map(({ channel, shown, state }) => [channel, `${shown} ${state}`]));
	const msOf = (channel: string) => follower.look().figures.find((figure) => figure.channel === channel)?.ms ?? Number.NaN;
	beforeEach(() => {
		world = createWorld({ seed: 1 });
		world.books.open("TEA", 10);
		world.books.open("MUG", 3);
		show("shopify", 10);
		show("woocommerce", 10);
		const channels = ["shopify", "woocommerce", "amazon"].map((id) => ({ id, name: id }));
		follower = createFollower(world, channels, "TEA");
	});

	test("a sale happens on one channel, another waits until its figure has moved, a third does not sell it", () => {
		expect(said()).toEqual({ shopify: "10 still", woocommerce: "10 still", amazon: "undefined still" });
		sell("woocommerce", 2);
		show("woocommerce", 8);
		world.clock.skip(3 * SECOND_MS);
		expect(said()).toEqual({ shopify: "10 waiting", woocommerce: "8 here", amazon: "undefined still" });
		expect(follower.look().happened?.what).toBe("2 sold on woocommerce");
		show("shopify", 8);
		expect(said()).toMatchObject({ shopify: "8 followed" });
		const took = msOf("shopify");
		expect(took).toBeGreaterThanOrEqual(3 * SECOND_MS);
		world.clock.skip(60 * SECOND_MS);
		expect(msOf("shopify")).toBe(took);
	});

	test("the figure of an earlier change is not taken for this one's; one that rules hold lower is, when it stays", () => {
		sell("woocommerce", 2);
		world.clock.skip(SECOND_MS);
		show("shopify", 9);
		expect(said()).toMatchObject({ shopify: "9 waiting" });
		world.clock.skip(6 * SECOND_MS);
		expect(said()).toMatchObject({ shopify: "9 followed" });
	});

	test("a figure typed by hand is waiting to be put right; it is no sale", () => {
		follower.edited("woocommerce", "TEA");
		world.clock.skip(SECOND_MS);
		show("woocommerce", 510);
		world.clock.skip(20 * SECOND_MS);
		expect(said()).toMatchObject({ shopify: "10 still", woocommerce: "510 waiting" });
		show("woocommerce", 10);
		expect(said()).toMatchObject({ woocommerce: "10 followed" });
	});

	test("other products do not concern it, the parts of a bundle do", () => {
		world.books.sold({ channel: "woocommerce", orderId: "2", sku: "MUG", units: 1 });
		expect(follower.look().happened).toBeNull();
		world.books.defineBundle("SET", [{ sku: "MUG", quantity: 1 }]);
		follower.follow("SET");
		world.books.sold({ channel: "woocommerce", orderId: "3", sku: "MUG", units: 1 });
		expect(follower.look().happened?.what).toBe("its parts sold on woocommerce");

		world.books.defineBundle("BOX", [
			{ sku: "TEA", quantity: 2 },
			{ sku: "MUG", quantity: 1 },
		]);
		follower.follow("TEA");
		world.books.sold({ channel: "shopify", orderId: "4", sku: "BOX", units: 1 });
		expect(follower.look().happened?.what).toBe("2 sold on shopify");
	});
});
