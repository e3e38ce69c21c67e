import axe, { type AxeResults } from "axe-core";
import type { Frame } from "playwright-core";

/** What axe finds against WCAG 2.2 A and AA on the page as it stands, one line each: the rule, and where. */
export async function violationsOf(app: Frame): Promise<string[]> {
	if (!(await app.evaluate(() => "axe" in globalThis))) await app.evaluate(axe.source);
	const { violations } = await app.evaluate(() =>
		(globalThis as unknown as { axe: { run(options: object): Promise<AxeResults> } }).axe.run({
			runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
		}),
	);
	return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html.slice(0, 200)}`));
}

/** How much of the page has moved by itself since it was opened (Cumulative Layout Shift, 0 is nothing). */
export async function shiftOf(app: Frame): Promise<number> {
	return app.evaluate(
		() =>
			new Promise<number>((resolve) => {
				let sum = 0;
				new PerformanceObserver((list) => {
					for (const entry of list.getEntries() as (PerformanceEntry & { value: number; hadRecentInput: boolean })[]) {
						if (!entry.hadRecentInput) sum += entry.value;
					}
				}).observe({ type: "layout-shift", buffered: true });
				// The observer is told of what was before in a task of its own.
				setTimeout(() => resolve(sum), 200);
			}),
	);
}
