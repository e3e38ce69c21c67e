/**
 * Failures from outside, sorted once, in each adapter's table. Only `delivery` (and the fetcher and poller, each for its own
 * work) decides what follows. The cause is kept; `errorClass` is what attempts and dead letters are counted and grouped by.
 */
export type ErrorDetail = {
	cause?: unknown;
	httpStatus?: number | undefined;
	requestId?: string | undefined;
	/** The channel's own code, as it said it. */
	code?: string | undefined;
};

export class ChannelError extends Error {
	readonly errorClass: string = "channel";
	readonly retryable: boolean = false;
	/** True: it speaks of the whole connection (down, rate, credentials), not of one listing. */
	readonly connectionWide: boolean = false;
	/** True: the channel may or may not have carried the request out. */
	readonly outcomeUnknown: boolean = false;
	readonly httpStatus: number | undefined;
	readonly requestId: string | undefined;
	readonly code: string | undefined;
	constructor(message: string, detail: ErrorDetail = {}) {
		super(message, { cause: detail.cause });
		this.name = new.target.name;
		this.httpStatus = detail.httpStatus;
		this.requestId = detail.requestId;
		this.code = detail.code;
	}
}

export class RetryableError extends ChannelError {
	override readonly errorClass: string = "retryable";
	override readonly retryable = true;
}
/** 429, or the channel's own way of saying so. */
export class RateLimitedError extends RetryableError {
	override readonly errorClass = "rate-limited";
	override readonly connectionWide = true;
	/** Bounded by the caller: channels have sent days and negative numbers. */
	readonly retryAfterMs: number | undefined;
	constructor(message: string, detail: ErrorDetail & { retryAfterMs?: number | undefined } = {}) {
		super(message, detail);
		this.retryAfterMs = detail.retryAfterMs;
	}
}
/** 5xx, maintenance, refused connections, HTML where JSON belongs: the request surely or probably did nothing. */
export class ChannelUnavailableError extends RetryableError {
	override readonly errorClass = "unavailable";
	override readonly connectionWide = true;
	override readonly outcomeUnknown: boolean;
	readonly retryAfterMs: number | undefined;
	constructor(message: string, detail: ErrorDetail & { retryAfterMs?: number | undefined; outcomeUnknown?: boolean } = {}) {
		super(message, detail);
		this.retryAfterMs = detail.retryAfterMs;
		this.outcomeUnknown = detail.outcomeUnknown ?? false;
	}
}
/** No answer in time, or the connection broke after the request was sent: nobody knows what happened. */
export class ChannelTimeoutError extends RetryableError {
	override readonly errorClass = "timeout";
	override readonly connectionWide = true;
	override readonly outcomeUnknown = true;
}
/** The same key is at work, the compare value was stale, …: the channel asks to try again; nothing happened. */
export class ConflictError extends RetryableError {
	override readonly errorClass = "conflict";
}

export class TerminalError extends ChannelError {
	override readonly errorClass: string = "terminal";
}
/** Keys revoked, token dead, scope missing: the connection turns red and its work waits. */
export class CredentialsRejectedError extends TerminalError {
	override readonly errorClass = "credentials";
	override readonly connectionWide = true;
}
export class ListingNotFoundError extends TerminalError {
	override readonly errorClass = "listing-not-found";
}
/** The channel understood and refuses; sending the same again is pointless. */
export class RequestRejectedError extends TerminalError {
	override readonly errorClass = "rejected";
}
/** An answer or message that does not fit the contract (unknown enum value, missing field): never a default branch (R32). */
export class UnexpectedShapeError extends TerminalError {
	override readonly errorClass = "unexpected-shape";
}
