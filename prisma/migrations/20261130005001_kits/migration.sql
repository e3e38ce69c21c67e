-- The merchant said so in Lockstep; home knows nothing of it, so a sale at home does not lower the parts by itself.
ALTER TABLE bundle_component ADD COLUMN made_here boolean NOT NULL DEFAULT false;
-- Of a home order's `held`: units of a bundle made here, whose parts were taken here. Only these give parts back.
ALTER TABLE order_line ADD COLUMN kit_units integer NOT NULL DEFAULT 0 CHECK (kit_units >= 0);
