import { existsSync, readdirSync, readFileSync } from "node:fs";

/** Real exchanges with a WooCommerce 11.0.1 store; they lie beside the repository and not everywhere. */
const CONTRACTS = new URL("../../../../../shared/contracts/woocommerce/", import.meta.url);
const RECORDED = new URL("recorded-11.0.1/", CONTRACTS);
const SCHEMAS = new URL("schema/", CONTRACTS);
export const CONTRACTS_PRESENT = existsSync(RECORDED) && existsSync(SCHEMAS);

export type Step = {
	note: string | null;
	at: string;
	took_ms: number;
	request: {
		method: string;
		scheme: string;
		path: string;
		query: Record<string, string | number | boolean> | null;
		headers: Record<string, string>;
		body: unknown;
	};
	response: { status: number; headers?: Record<string, string>; body: unknown; body_cut?: string; body_is?: string };
	worked_example?: { query_string_as_sent: string };
};

export type DeliveryRecord = {
	received_at: string;
	request: { method: string; http_version: string; path: string; headers: Record<string, string>; raw_body: string };
	receiver_answered: number;
	secret: string;
	signature_recomputes: boolean | null;
};

export const recording = <T>(name: string): T => JSON.parse(readFileSync(new URL(name, RECORDED), "utf8")) as T;
export const schema = (name: string): unknown => JSON.parse(readFileSync(new URL(name, SCHEMAS), "utf8"));
export const signatureVector = (): unknown => JSON.parse(readFileSync(new URL("signature-vectors.json", CONTRACTS), "utf8"));
export const recordingNames = () => readdirSync(RECORDED).filter((name) => name.endsWith(".json"));
export const webhookRecordingNames = () => readdirSync(new URL("webhooks/", RECORDED)).filter((name) => name.endsWith(".json"));
