import { draw, type Realm } from "./realm.ts";
import type { FbaStock, Listing, Order, Seller } from "./state.ts";
import type { Subscription, Subscriptions } from "./subscriptions.ts";
import { fbaChange, issuesChange, type Notification, orderChange, quantityChange, reportFinished } from "./views/notifications.ts";

/** A notice that is overtaken comes so much later than the others. */
const OVERTAKEN_MS = 5_000;

export type Notices = {
	subscriptions: Subscriptions;
	orderChanged(seller: Seller, order: Order, event: { type: "OrderStatusChange" | "BuyerRequestedChange"; reason: string }): void;
	quantityChanged(seller: Seller, listing: Listing): void;
	issuesChanged(seller: Seller, listing: Listing): void;
	fbaChanged(seller: Seller, stock: FbaStock): void;
	reportFinished(seller: Seller, report: { reportId: string; reportType: string; status: string; documentId: string | null }): void;
	/** Accepted by Amazon and not yet in the queue. */
	waiting(): number;
};

/** Amazon's side of a notification: made when the thing happens, put into the subscriber's queue a little later. */
export function createNotices(realm: () => Realm, subscriptions: Subscriptions): Notices {
	let waiting = 0;

	/** `build` is called at once: the body is the state of the moment, whenever it arrives. */
	const tell = (
		seller: Seller,
		type: string,
		resourceId: string,
		wanted: (of: Subscription) => boolean,
		build: (frame: Frame) => Notification,
	) => {
		const { world, settings, app } = realm();
		const { clock, books, faults } = world;
		const changedAt = clock.now();
		for (const subscription of subscriptions.of(seller, type).filter(wanted)) {
			const delayMs = draw(realm(), settings.noticeMs);
			const frame: Frame = {
				applicationId: app.id,
				subscriptionId: subscription.id,
				notificationId: realm().uuid(),
				eventAt: changedAt,
				publishAt: changedAt + delayMs,
			};
			const body = JSON.stringify(build(frame));
			const booked = (fate: Fate, status: number | null) =>
				books.delivered({ channel: seller.channel, topic: type.toLowerCase(), resourceId, fate, status, delayMs: clock.now() - changedAt });
			const arrive = (fate: Fate) => {
				// The subscription or the queue may be gone by now.
				const queue = subscriptions.queueOf(subscription);
				queue?.send(body);
				booked(queue ? fate : "failed", queue ? 200 : null);
			};
			const fault = faults.webhook(seller.channel);
			if (fault?.kind === "lost") {
				booked("lost", null);
				continue;
			}
			const extraMs = fault?.kind === "late" ? fault.delayMs : fault?.kind === "reordered" ? OVERTAKEN_MS : 0;
			const fate: Fate = fault?.kind === "late" || fault?.kind === "reordered" ? fault.kind : "delivered";
			waiting++;
			const go = () => {
				waiting--;
				arrive(fate);
				if (fault?.kind === "duplicate") for (let copy = 0; copy < fault.copies; copy++) arrive("duplicate");
			};
			if (delayMs + extraMs === 0) go();
			else clock.after(delayMs + extraMs, go);
		}
	};

	const always = () => true;
	return {
		subscriptions,
		orderChanged: (seller, order, event) =>
			tell(
				seller,
				"ORDER_CHANGE",
				order.id,
				({ directive }) => {
					const filter = directive?.eventFilter;
					const types = filter?.orderChangeTypes;
					const places = filter?.marketplaceIds;
					return (!types || types.includes(event.type)) && (!places || places.includes(order.marketplace.id));
				},
				(frame) => orderChange(frame, seller, order, event, realm().settings.cancelledQuantity),
			),
		quantityChanged: (seller, listing) =>
			tell(seller, "LISTINGS_ITEM_MFN_QUANTITY_CHANGE", listing.sku, always, (frame) => quantityChange(frame, seller, listing)),
		issuesChanged: (seller, listing) =>
			tell(seller, "LISTINGS_ITEM_ISSUES_CHANGE", listing.sku, always, (frame) => issuesChange(frame, seller, listing)),
		fbaChanged: (seller, stock) =>
			tell(seller, "FBA_INVENTORY_AVAILABILITY_CHANGES", stock.sku, always, (frame) => fbaChange(frame, seller, stock)),
		reportFinished: (seller, report) =>
			tell(seller, "REPORT_PROCESSING_FINISHED", report.reportId, always, (frame) => reportFinished(frame, seller, report)),
		waiting: () => waiting,
	};
}

export type Frame = { applicationId: string; subscriptionId: string; notificationId: string; eventAt: number; publishAt: number };
type Fate = "delivered" | "duplicate" | "reordered" | "late" | "lost" | "failed";
