import { expect, test } from "vitest";
import { ChannelUnavailableError, RateLimitedError } from "../errors.ts";
import { patience } from "./patience.ts";

const tired = (retryAfterMs: number) => new RateLimitedError("not yet", { retryAfterMs });

test("a step comes again when its bucket allows it; what all steps may wait together is bounded", async () => {
	const patiently = patience(100);
	const failures = [tired(30), tired(30), tired(30), tired(30)];
	let tries = 0;
	const step = async () => {
		tries++;
		const failure = failures.shift();
		if (failure) throw failure;
		return "done";
	};
	await expect(patiently(step)).rejects.toThrow(RateLimitedError);
	expect(tries).toBe(4);
	expect(await patiently(step)).toBe("done");
});

test("a channel that says 'now' without end is not asked without end", async () => {
	let tries = 0;
	const step = async () => {
		tries++;
		throw tired(0);
	};
	await expect(patience(100)(step)).rejects.toThrow(RateLimitedError);
	expect(tries).toBe(6);
});

test("any other failure is not waited for", async () => {
	const down = new ChannelUnavailableError("down");
	await expect(
		patience(1_000)(async () => {
			throw down;
		}),
	).rejects.toBe(down);
});
