-- A channel's figures from before Lockstep, written back before it is disconnected (app/connections/guests/restore.ts).
-- When `original_quantity` was read, by the channel's clock: what the channel sold since is not offered again.
ALTER TABLE listing ADD COLUMN original_at timestamptz;
-- While the figures are written back: what the listing may show at most, less what its channel sells meanwhile. NULL: its rule counts.
ALTER TABLE listing ADD COLUMN restore_to integer CHECK (restore_to >= 0);
UPDATE listing l SET original_at = coalesce(c.cut_at, l.read_at, now()) FROM connection c
WHERE c.shop_id = l.shop_id AND c.id = l.connection_id AND l.original_quantity IS NOT NULL;

ALTER TABLE connection_setup DROP CONSTRAINT connection_setup_work_check;
ALTER TABLE connection_setup ADD CONSTRAINT connection_setup_work_check CHECK (work IN ('catalogue', 'sources', 'watch', 'dry-run', 'restore'));
-- Of a piece of work that knows how much there is: how much, and when it last came further.
ALTER TABLE connection_setup ADD COLUMN work_total integer;
ALTER TABLE connection_setup ADD COLUMN work_moved_at timestamptz;
