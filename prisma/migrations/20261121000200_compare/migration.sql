-- When the connection's stock was last looked at as a whole (app/reconcile/compare.ts).
ALTER TABLE connection ADD COLUMN compared_at timestamptz;
