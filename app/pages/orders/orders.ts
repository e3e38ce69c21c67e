export const ORDER_STATES = ["counted", "oversold", "unlinked", "before"] as const;
/** counted: taken from stock. unlinked: it sells something that is linked to no product, which is not counted. before: older than the connection. */
export type OrderState = (typeof ORDER_STATES)[number];

export type OrdersPage = {
	asOf: string;
	channels: { id: number; name: string }[];
	rows: OrderRow[];
	pages: { before: string | null; after: string | null };
	/** Nothing was ever taken in. */
	isEmpty: boolean;
	/** Messages about orders that could not be read and wait for a person. */
	unreadable: number;
	/** The number that was searched for is announced by a channel, and is being read. */
	onItsWay: boolean;
};

export type OrderRow = {
	channelId: number;
	channel: string;
	orderId: string;
	/** As the marketplace shows it. */
	name: string;
	/** By the channel's clock. */
	orderedAt: string;
	takenAt: string;
	units: number;
	state: OrderState;
	/** Units that no stock has covered yet. */
	owed: number;
	cancelled: boolean;
};

export type OrderPage = OrderRow & {
	asOf: string;
	/** Of an order that was sold what was not there: its page among the oversells. */
	oversellId: number | null;
	/** How it came to us first. */
	source: string;
	lines: OrderLineView[];
	moves: OrderMove[];
	/** What came of it, the newest first. */
	messages: OrderMessage[];
	/** Whether the channel can be asked for it. */
	canRead: boolean;
};

export type OrderMessage = {
	id: number;
	at: string;
	topic: string;
	source: string;
	status: "pending" | "processed" | "ignored" | "parked";
	/** Of one that was set aside: why. */
	error: string | null;
};

export type OrderLineView = {
	lineId: string;
	itemId: number | null;
	sku: string;
	title: string;
	/** Units that the order keeps from being sold now. */
	held: number;
	/** Of them: there before the connection began; they never moved stock. */
	before: number;
	/** Where the counted units were taken from. */
	takenFrom: { location: string; sku: string; units: number; owed: number }[];
};

export type OrderMove = { id: number; at: string; sku: string; location: string; change: number; left: number; cause: string };
