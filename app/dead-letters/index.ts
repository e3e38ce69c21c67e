/** Dead letters: what could not succeed by itself, with its payload, its error and how often it was tried. */
export { discardDeadLetters, takeForReplay } from "./decide.ts";
export { type DeadLetter, listDeadLetters, openDeadLetters } from "./read.ts";
export { type NewDeadLetter, recordDeadLetter, recordDeadLetters, resolveDeadLetters } from "./record.ts";
