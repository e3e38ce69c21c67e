/** A file to begin with, as spreadsheets open it: two products that no shop has, so that it changes nothing as it is. */
const sampleOf = ({ channel, location }: { channel: string; location: string }): string =>
	[
		["SKU", "Location", "Quantity", "Change", "Channel", "Buffer", "Minimum", "Maximum", "Paused"],
		["SAMPLE-1", location, "12", "", "", "", "", "", ""],
		["SAMPLE-2", location, "", "+3", channel, "2", "1", "50", "no"],
	]
		.map((cells) => `${cells.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(",")}\r\n`)
		.join("");

/** Hands it to the browser as a file of its own. */
export function saveSample(names: { channel: string; location: string }): void {
	const address = URL.createObjectURL(new Blob(["\uFEFF", sampleOf(names)], { type: "text/csv" }));
	const link = document.createElement("a");
	link.href = address;
	link.download = "bulk-change-sample.csv";
	link.click();
	URL.revokeObjectURL(address);
}
