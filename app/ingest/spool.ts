import { hash, randomUUID } from "node:crypto";
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { NewInboxEvent } from "#inbox";
import type { CommitOutcome, Unit } from "./group-commit.ts";

/** Small enough to be read at once when it is replayed. */
const FILE_BYTES_MAX = 8 * 1024 * 1024;
/** Some 100 000 orders: hours of a busy store. Over it the disk is worth more than another hour: the poll brings the rest. */
const SPOOL_BYTES_MAX = 512 * 1024 * 1024;
/** One replayed statement; as large as a batch of the group commit. */
const REPLAY_UNITS = 200;
/** 16 hex digits of SHA-256: a torn or rotten line is not taken for a whole one. */
const CHECKSUM_CHARS = 16;

export type Spool = {
	/** Resolves after the record is on disk (fsync). full: over its bound, not taken. Rejects when the disk refuses. */
	append(rows: readonly NewInboxEvent[]): Promise<"spooled" | "full">;
	/** Puts what is spooled, by any process on this disk, into the inbox. Stops at the first failure; the rest stays. */
	replay(commit: (units: readonly Unit[]) => Promise<CommitOutcome[]>): Promise<ReplayResult>;
	close(): Promise<void>;
};
export type ReplayResult = { replayed: number; unreadable: number; left: boolean };

export type SpoolOptions = { directory: string; bytesMax?: number; fileBytesMax?: number };

type Pending = { line: Buffer; resolve: (outcome: "spooled" | "full") => void; reject: (error: unknown) => void };

/**
 * Deliveries of senders that never send again, kept on this machine's disk while the database is away. Appended as one line
 * each (checksum, JSON), flushed before the answer, and replayed by delivery key, so that twice is harmless.
 *
 * Several processes share the directory, and any of them replays any file. No lock is needed: a replayer renames a file before
 * it reads it, and a writer, after each flush, looks whether the file still has its name. If not, its records may have come
 * too late to be read, so it writes them again to a new file before it says that they are kept.
 */
export function createSpool({ directory, bytesMax = SPOOL_BYTES_MAX, fileBytesMax = FILE_BYTES_MAX }: SpoolOptions): Spool {
	let file: { handle: FileHandle; path: string; inode: number; bytes: number } | undefined;
	let used = 0;
	let pending: Pending[] = [];
	let busy = false;
	const idle: (() => void)[] = [];

	const openFile = async () => {
		await mkdir(directory, { recursive: true, mode: 0o700 });
		const path = join(directory, `${Date.now()}-${randomUUID()}.spool`);
		const handle = await open(path, "ax", 0o600);
		await syncDirectory(directory);
		file = { handle, path, inode: (await handle.stat()).ino, bytes: 0 };
		return file;
	};

	/** After a failed write the file may end in half a line: nothing more is added to it. */
	const abandonFile = async () => {
		const abandoned = file;
		file = undefined;
		await abandoned?.handle.close().catch(() => {});
	};

	const isStillNamed = async () => file !== undefined && (await stat(file.path).catch(() => null))?.ino === file.inode;

	const write = async (bytes: Buffer) => {
		for (;;) {
			if (!(await isStillNamed())) await abandonFile();
			const into = file ?? (await openFile());
			await into.handle.appendFile(bytes);
			await into.handle.datasync();
			into.bytes += bytes.length;
			used += bytes.length;
			const kept = await isStillNamed();
			if (!kept || into.bytes >= fileBytesMax) await abandonFile();
			if (kept) return;
		}
	};

	/** All that came while the last flush was on its way shares the next. */
	const writePending = async () => {
		busy = true;
		while (pending.length > 0) {
			const batch = pending;
			pending = [];
			const bytes = Buffer.concat(batch.map(({ line }) => line));
			try {
				// Others on this disk write and replay too.
				if (!(await isStillNamed())) used = await bytesIn(directory);
				const full = used + bytes.length > bytesMax;
				if (!full) await write(bytes);
				for (const { resolve } of batch) resolve(full ? "full" : "spooled");
			} catch (error) {
				await abandonFile();
				for (const { reject } of batch) reject(error);
			}
		}
		busy = false;
		for (const resolve of idle.splice(0)) resolve();
	};

	return {
		append(rows) {
			return new Promise((resolve, reject) => {
				pending.push({ line: toLine(rows), resolve, reject });
				if (!busy) void writePending();
			});
		},
		async replay(commit) {
			const result: ReplayResult = { replayed: 0, unreadable: 0, left: false };
			for (const name of (await filesIn(directory)).sort()) {
				const read = await claim(join(directory, name));
				if (!read) continue;
				const outcome = await replayFile(read, commit);
				result.replayed += outcome.replayed;
				result.unreadable += outcome.unreadable;
				if (!outcome.whole) return { ...result, left: true };
			}
			return result;
		},
		async close() {
			if (busy) await new Promise<void>((resolve) => idle.push(resolve));
			await abandonFile();
		},
	};
}

/** Takes the file's name away, so that its writer leaves it. A file that a dead replayer left is read under its own name. */
async function claim(path: string): Promise<string | null> {
	if (path.endsWith(".replay")) return path;
	const claimed = path.replace(/\.spool$/, ".replay");
	return rename(path, claimed).then(
		() => claimed,
		(error: NodeJS.ErrnoException) => {
			if (error.code === "ENOENT") return null; // Another process was faster.
			throw error;
		},
	);
}

async function replayFile(path: string, commit: (units: readonly Unit[]) => Promise<CommitOutcome[]>) {
	const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
		if (error.code === "ENOENT") return ""; // Another process has replayed it.
		throw error;
	});
	const lines = text.split("\n");
	// Every whole line ends with a newline, so what follows the last one was torn by a crash before anybody was answered.
	lines.pop();
	const read = lines.map(fromLine);
	const units = read.filter((unit) => unit !== null);
	const unreadable = lines.filter((_, index) => read[index] === null);
	let replayed = 0;
	for (let from = 0; from < units.length; from += REPLAY_UNITS) {
		const outcomes = await commit(units.slice(from, from + REPLAY_UNITS));
		replayed += outcomes.filter(({ outcome }) => outcome === "committed").length;
		if (outcomes.some(({ outcome }) => outcome !== "committed")) return { replayed, unreadable: 0, whole: false };
	}
	// Lines that were whole once and are not now: a damaged disk. They are kept for a person.
	if (unreadable.length > 0) await writeFile(`${path}.unreadable`, `${unreadable.join("\n")}\n`, { mode: 0o600 });
	await rm(path, { force: true });
	return { replayed, unreadable: unreadable.length, whole: true };
}

function toLine(rows: readonly NewInboxEvent[]): Buffer {
	const json = JSON.stringify(rows);
	return Buffer.from(`${checksum(json)} ${json}\n`);
}

function fromLine(line: string): Unit | null {
	const json = line.slice(CHECKSUM_CHARS + 1);
	if (checksum(json) !== line.slice(0, CHECKSUM_CHARS)) return null;
	return { rows: JSON.parse(json) as NewInboxEvent[], bytes: json.length };
}

const checksum = (json: string) => hash("sha256", json).slice(0, CHECKSUM_CHARS);

async function filesIn(directory: string): Promise<string[]> {
	const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
		if (error.code === "ENOENT") return []; // Nothing was ever spooled.
		throw error;
	});
	return names.filter((name) => name.endsWith(".spool") || name.endsWith(".replay"));
}

async function bytesIn(directory: string): Promise<number> {
	const sizes = await Promise.all(
		(await filesIn(directory)).map((name) =>
			stat(join(directory, name)).then(
				(entry) => entry.size,
				() => 0,
			),
		),
	);
	return sizes.reduce((sum, size) => sum + size, 0);
}

/** A new file's name is durable only when its directory is. */
async function syncDirectory(directory: string): Promise<void> {
	const handle = await open(directory, "r");
	await handle.sync().finally(() => handle.close());
}
