/** Who may do what in a shop (R40). Pages ask `requireRight` (authenticate.server.ts), which asks here. */

export { changeRight, type NewcomerChange, nameMember, newcomerRight, type RightChange, setNewcomerRight } from "./change-right.ts";
export { approversOf, listMembers, type Member } from "./members.ts";
export { allows, isMissingRight, isRight, type MissingRight, RIGHT_WORDS, RIGHTS, type Right, sayMissingRight } from "./right.ts";
export { rightOf } from "./right-of.ts";
