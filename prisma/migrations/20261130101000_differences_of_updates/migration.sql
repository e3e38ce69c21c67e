-- An update came upon it, reading the listing before it wrote; the run has only taken it over (app/reconcile/check/adopt.ts).
ALTER TABLE reconcile_difference ADD COLUMN by_update boolean NOT NULL DEFAULT false;
CREATE INDEX reconcile_difference_listing ON reconcile_difference (shop_id, listing_id) WHERE listing_id IS NOT NULL;
