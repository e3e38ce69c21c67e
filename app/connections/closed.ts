/** The connection is not there, was disconnected, or its shop has uninstalled the app: nothing may be sent for it. */
export class ConnectionClosedError extends Error {
	override readonly name = "ConnectionClosedError";
}
