-- Who has written orders into Shopify lately, looked up before the merchant is asked (app/connections/guests/order-sources.ts).
ALTER TABLE connection_setup DROP CONSTRAINT connection_setup_work_check;
ALTER TABLE connection_setup ADD CONSTRAINT connection_setup_work_check CHECK (work IN ('catalogue', 'sources', 'watch', 'dry-run'));
ALTER TABLE connection_setup ADD COLUMN order_sources jsonb;
ALTER TABLE connection_setup ADD COLUMN order_sources_at timestamptz;
