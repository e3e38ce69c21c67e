/** Channels: the outside world, one folder each, behind one contract. `channel(id)` throws UnknownChannelError. */
export { type ApiVersion, apiCalendar, VERSION_WARNING_DAYS } from "./calendar.ts";
export type * from "./channel.ts";
export { channel, channels, UnknownChannelError } from "./registry.ts";
