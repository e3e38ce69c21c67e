import { z } from "zod";

export const pageInfo = z.object({ hasNextPage: z.boolean(), endCursor: z.string().nullable() });
type Page = { pageInfo: z.infer<typeof pageInfo> };

/** Page after page of a connection; `read` brings the page behind a cursor, or null when there is nothing (any more). */
export async function* pagesOf<A extends { page: Page }>(read: (after: string | null) => Promise<A | null>): AsyncGenerator<A> {
	for (let after: string | null = null; ; ) {
		const answer: A | null = await read(after);
		if (answer === null) return;
		yield answer;
		if (!answer.page.pageInfo.hasNextPage) return;
		after = answer.page.pageInfo.endCursor;
	}
}
