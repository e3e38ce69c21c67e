-- A channel's orders are looked at before they are read again: their draft has a summary of its own (app/backfill/orders/summary.ts).
UPDATE bulk_change SET summary = summary || '{"kind": "file"}' WHERE source = 'file' AND summary IS NOT NULL;
-- Drafts from before have none: they are looked at by the next worker.
UPDATE bulk_change SET read_at = NULL WHERE source = 'orders' AND confirmed_at IS NULL;
