import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { freshDatabase, type TestDatabase } from "../../tests/kit/database.ts";
import { allows, approversOf, changeRight, listMembers, nameMember, RIGHTS, rightOf, sayMissingRight, setNewcomerRight } from "./index.ts";

let db: TestDatabase;
let shopId: number;
let shops = 0;
beforeAll(async () => {
	db = await freshDatabase();
});
afterAll(() => db.drop());
beforeEach(async () => {
	const made = await db.pool.query<{ id: number }>("INSERT INTO shop (domain) VALUES ($1) RETURNING id", [
		`rights-${++shops}.myshopify.com`,
	]);
	shopId = made.rows[0]?.id ?? 0;
});

const audits = async () =>
	(
		await db.pool.query<{ actor: string; action: string; subject: string; before: unknown; after: unknown }>(
			"SELECT actor, action, subject, before, after FROM audit WHERE shop_id = $1 ORDER BY id",
			[shopId],
		)
	).rows;

describe("R40 three rights", () => {
	test("each right includes those before it", () => {
		expect(RIGHTS.map((held) => RIGHTS.filter((needed) => allows(held, needed)))).toEqual([
			["look"],
			["look", "operate"],
			["look", "operate", "approve"],
		]);
	});

	test("R40 the first who opens the app may approve, later ones may look; both sights are on record", async () => {
		expect(await rightOf(db.pool, shopId, "1")).toBe("approve");
		expect(await rightOf(db.pool, shopId, "2")).toBe("look");
		expect([await rightOf(db.pool, shopId, "1"), await rightOf(db.pool, shopId, "2")]).toEqual(["approve", "look"]);
		expect(await audits()).toEqual([
			{ actor: "system", action: "right.changed", subject: "1", before: null, after: { right: "approve", reason: "first" } },
			{ actor: "system", action: "right.changed", subject: "2", before: null, after: { right: "look", reason: "newcomer" } },
		]);
	});

	test("R40 of ten people who open a new app at the same moment exactly one may approve", async () => {
		const rights = await Promise.all(Array.from({ length: 10 }, (_, n) => rightOf(db.pool, shopId, `user-${n}`)));
		expect(rights.filter((right) => right === "approve")).toHaveLength(1);
		expect(rights.filter((right) => right === "look")).toHaveLength(9);
	});

	test("what newcomers get is the shop's choice, and holds for those who come after it", async () => {
		await rightOf(db.pool, shopId, "1");
		await rightOf(db.pool, shopId, "2");
		expect(await setNewcomerRight(db.pool, shopId, { right: "operate", actor: "2" })).toEqual({ outcome: "refused" });
		expect(await setNewcomerRight(db.pool, shopId, { right: "operate", actor: "1" })).toEqual({ outcome: "changed" });
		expect(await setNewcomerRight(db.pool, shopId, { right: "operate", actor: "1" })).toEqual({ outcome: "unchanged" });
		expect([await rightOf(db.pool, shopId, "2"), await rightOf(db.pool, shopId, "3")]).toEqual(["look", "operate"]);
		expect((await audits()).filter(({ action }) => action === "newcomers.right_changed")).toEqual([
			{ actor: "1", action: "newcomers.right_changed", subject: "", before: { right: "look" }, after: { right: "operate" } },
		]);
	});

	test("R40 only an approver gives rights, and the last approver keeps theirs", async () => {
		for (const user of ["1", "2", "3"]) await rightOf(db.pool, shopId, user);
		const change = (userId: string, right: "look" | "operate" | "approve", actor: string) =>
			changeRight(db.pool, shopId, { userId, right, actor });
		expect(await change("3", "operate", "2")).toEqual({ outcome: "refused" });
		expect(await change("2", "approve", "2")).toEqual({ outcome: "refused" });
		expect(await change("1", "look", "1")).toEqual({ outcome: "last-approver" });
		expect(await change("9", "look", "1")).toEqual({ outcome: "unknown" });
		expect(await listMembers(db.pool, shopId)).toMatchObject([{ right: "approve" }, { right: "look" }, { right: "look" }]);
		expect(await change("2", "approve", "1")).toEqual({ outcome: "changed" });
		expect(await change("1", "look", "1")).toEqual({ outcome: "changed" });
		expect(await change("2", "operate", "1")).toEqual({ outcome: "refused" });
		expect(await rightOf(db.pool, shopId, "1")).toBe("look");
		expect((await audits()).at(-1)).toMatchObject({ actor: "1", subject: "1", before: { right: "approve" }, after: { right: "look" } });
	});

	test("R40 two approvers who take each other's right at the same moment: one stays", async () => {
		for (let round = 0; round < 5; round++) {
			const [a, b] = [`a${round}`, `b${round}`];
			const approver = (await listMembers(db.pool, shopId)).find(({ right }) => right === "approve")?.userId;
			for (const user of [a, b]) {
				await rightOf(db.pool, shopId, user);
				if (approver) await changeRight(db.pool, shopId, { userId: user, right: "approve", actor: approver });
			}
			const [first] = await listMembers(db.pool, shopId);
			for (const { userId } of await listMembers(db.pool, shopId)) {
				if (![a, b].includes(userId))
					await db.pool.query("UPDATE member SET granted = 'look' WHERE shop_id = $1 AND user_id = $2", [shopId, userId]);
			}
			if (!approver) await changeRight(db.pool, shopId, { userId: b, right: "approve", actor: first?.userId ?? "" });
			const outcomes = await Promise.all([
				changeRight(db.pool, shopId, { userId: b, right: "look", actor: a }),
				changeRight(db.pool, shopId, { userId: a, right: "look", actor: b }),
			]);
			expect(outcomes.map(({ outcome }) => outcome).sort()).toEqual(["changed", "refused"]);
			expect((await listMembers(db.pool, shopId)).filter(({ right }) => right === "approve")).toHaveLength(1);
		}
	});

	test("a shop whose last approver has left comes back in by installing the app again", async () => {
		await rightOf(db.pool, shopId, "left");
		await rightOf(db.pool, shopId, "stayed");
		await db.pool.query("UPDATE shop SET installation = installation + 1 WHERE id = $1", [shopId]);
		expect(await rightOf(db.pool, shopId, "stayed")).toBe("approve");
		expect(await rightOf(db.pool, shopId, "left")).toBe("approve");
		expect(await rightOf(db.pool, shopId, "new")).toBe("look");
	});

	test("R37 R40 a right in one shop is none in another", async () => {
		await rightOf(db.pool, shopId, "1");
		const other = await db.pool.query<{ id: number }>("INSERT INTO shop (domain) VALUES ($1) RETURNING id", [
			`rights-${++shops}.myshopify.com`,
		]);
		const otherId = other.rows[0]?.id ?? 0;
		await rightOf(db.pool, otherId, "2");
		expect(await rightOf(db.pool, otherId, "1")).toBe("look");
		expect(await changeRight(db.pool, otherId, { userId: "2", right: "look", actor: "1" })).toEqual({ outcome: "refused" });
		expect(await listMembers(db.pool, shopId)).toHaveLength(1);
		await db.pool.query("SELECT erase_shop($1)", [otherId]);
		expect(await listMembers(db.pool, otherId)).toEqual([]);
		expect(await listMembers(db.pool, shopId)).toHaveLength(1);
	});

	test("who lacks a right is told which, and who can give it, by the names that the shop uses", async () => {
		await rightOf(db.pool, shopId, "1");
		expect(await nameMember(db.pool, shopId, { userId: "1", name: "  Sam Rivera ", actor: "1" })).toEqual({ outcome: "changed" });
		const said = sayMissingRight({ missingRight: "approve", held: "look", approvers: await approversOf(db.pool, shopId) });
		expect(said.what).toContain("You have the right “Look”. This needs “Approve and connect”");
		expect(said.who).toContain("Sam Rivera can give it to you");
	});
});
