import { ChannelError } from "#app/channels/errors.ts";
import { ConnectionClosedError, type Deps, noteRefusal } from "#connections";
import { ownWords } from "#domain";

/**
 * Why a channel could not be read, in words for whoever asked for it. What is refused for the account's access turns its light red, as
 * wherever it is asked. Whatever is no failure of the channel's is thrown again.
 */
export async function sayFailure(
	deps: Deps,
	{ shopId, connectionId }: { shopId: number; connectionId: number },
	error: unknown,
): Promise<string> {
	if (error instanceof ConnectionClosedError) return "The channel is disconnected.";
	if (!(error instanceof ChannelError)) throw error;
	deps.log.warn({ err: error, shopId, connectionId }, "backfill.not_read");
	if (error.errorClass === "credentials") await noteRefusal(deps.pool, shopId, connectionId, error.message);
	return ownWords(error.message);
}
