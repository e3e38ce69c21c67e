-- When the channel was last asked whether it answers (app/connections/check-health.ts), and whether its trouble is known from that
-- alone: the next good answer then takes it away.
ALTER TABLE connection ADD COLUMN health_checked_at timestamptz;
ALTER TABLE connection ADD COLUMN health_by_check boolean NOT NULL DEFAULT false;
