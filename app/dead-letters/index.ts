/** Dead letters: what could not succeed by itself, with its payload, its error and how often it was tried; and the problems they make up. */
export { discardDeadLetters, takeForReplay } from "./decide.ts";
export { ALL_FAILURES, type FailureFilter, isReadable, joins, type Side, whereOf } from "./filter.ts";
export { foldProblems, foldProblemsOf } from "./problems/fold.ts";
export { listProblems, openDepth, openDepthOfAll, type Problem } from "./problems/read.ts";
export { type DeadLetter, listDeadLetters } from "./read.ts";
export { type NewDeadLetter, recordDeadLetter, recordDeadLetters, resolveDeadLetters } from "./record.ts";
