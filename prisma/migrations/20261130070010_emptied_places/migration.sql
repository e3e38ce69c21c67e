-- A place that was emptied while the product is still for sale from another one waits with the others once there is a mass change, but
-- does not make one.
ALTER TABLE held_change ADD COLUMN counted boolean NOT NULL DEFAULT true;
