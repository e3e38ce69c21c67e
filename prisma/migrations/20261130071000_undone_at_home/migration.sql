-- Home raised a figure by itself by just what our last updates had lowered it: something else sets stock there that does not know
-- of sales elsewhere. An hour: feeds that write their own figures do so every few minutes, a person who counts a shelf once.
CREATE VIEW undone_at_home AS
SELECT m.shop_id, m.id, m.item_id, m.location_id, m.connection_id, m.delta, m.after, m.occurred_at, m.created_at
FROM movement m
WHERE m.cause = 'home' AND m.delta > 0 AND EXISTS (
  SELECT FROM (
    SELECT sum(d.delta) OVER (ORDER BY d.landed_at DESC, d.id DESC) AS since FROM delta_line d
    WHERE d.shop_id = m.shop_id AND d.item_id = m.item_id AND d.location_id = m.location_id AND d.state = 'contained'
      AND d.landed_at > m.occurred_at - interval '1 hour' AND d.landed_at <= m.occurred_at
  ) undone WHERE undone.since = -m.delta
);

CREATE INDEX movement_raised_at_home ON movement (shop_id, created_at DESC) WHERE cause = 'home' AND delta > 0;
CREATE INDEX delta_line_contained ON delta_line (shop_id, item_id, landed_at) WHERE state = 'contained';
