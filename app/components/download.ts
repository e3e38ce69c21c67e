/**
 * The admin's frame carries its session token only on `fetch`, so a plain link to a file would be answered with a sign-in page:
 * the file is fetched, and handed to the browser as one of its own.
 */
export async function download(url: string, name: string): Promise<void> {
	const response = await fetch(url);
	if (!response.ok) {
		window.shopify?.toast.show("The file could not be made. Please try again.", { isError: true });
		return;
	}
	const address = URL.createObjectURL(await response.blob());
	const link = document.createElement("a");
	link.href = address;
	link.download = name;
	link.click();
	URL.revokeObjectURL(address);
}
