/** Field by field; only what differs by nature between two stores is looked at differently. */
export type Difference = { path: string; recorded: unknown; ours: unknown };

/** Numbers that a database hands out, and things of chance. Everything else must be equal. */
const VOLATILE: [RegExp, string][] = [
	[/(^|\.)meta_data\[\d+\]\.id$/, "meta rows are numbered by the whole database, hidden rows included"],
	[/(^|\.)related_ids$/, "chosen by chance"],
	[/(^|\.)(order_key|payment_url)$/, "holds a random key"],
	[/(^|\.)cart_hash$/, "hash of the cart with a random salt"],
	[/^\[\d+\]\.id$|^id$/, "only for notes, see below"],
];

type Options = {
	/** Seconds in which a recorded request began and after which it ended: its stamps may be one second later than ours. */
	crossed: ReadonlySet<number>;
	/** The ids of order notes count every note of the database. */
	notes?: boolean;
	/** Only the fields that are recorded are looked at (a recording that was cut). */
	recordedFieldsOnly?: boolean;
};

export function differences(recorded: unknown, ours: unknown, options: Options, path = ""): Difference[] {
	if (VOLATILE.slice(0, -1).some(([pattern]) => pattern.test(path)) || (options.notes && VOLATILE.at(-1)?.[0].test(path))) {
		return typeof recorded === typeof ours ? [] : [{ path, recorded, ours }];
	}
	if (Array.isArray(recorded) && Array.isArray(ours)) {
		const all = recorded.length === ours.length ? [] : [{ path: `${path}.length`, recorded: recorded.length, ours: ours.length }];
		return [...all, ...recorded.flatMap((item, i) => (i < ours.length ? differences(item, ours[i], options, `${path}[${i}]`) : []))];
	}
	if (isObject(recorded) && isObject(ours)) {
		const names = new Set([...Object.keys(recorded), ...(options.recordedFieldsOnly ? [] : Object.keys(ours))]);
		return [...names].flatMap((name) => {
			const inner = path === "" ? name : `${path}.${name}`;
			if (!(name in recorded) || !(name in ours)) return [{ path: inner, recorded: recorded[name], ours: ours[name] }];
			return differences(recorded[name], ours[name], options, inner);
		});
	}
	return recorded === ours || sameStamp(recorded, ours, options.crossed) ? [] : [{ path, recorded, ours }];
}

const STAMP = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}$/;

function sameStamp(recorded: unknown, ours: unknown, crossed: ReadonlySet<number>) {
	if (typeof recorded !== "string" || typeof ours !== "string") return false;
	if (/^\d{10}$/.test(recorded) && /^\d{10}$/.test(ours)) return Number(recorded) - Number(ours) === 1 && crossed.has(Number(ours) % 60);
	if (!STAMP.test(recorded) || !STAMP.test(ours)) return false;
	const [theirs, mine] = [Date.parse(`${recorded}Z`) / 1000, Date.parse(`${ours}Z`) / 1000];
	// The second within its minute is the same in store time and in GMT.
	return theirs - mine === 1 && crossed.has(mine % 60);
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);
