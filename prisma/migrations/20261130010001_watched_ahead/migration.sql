-- While a channel is only watched: how far the figure that would have been sent lies from what the channel shows. Its own sales lower
-- both alike, so an update counts again only when another one would have been sent.
ALTER TABLE listing ADD COLUMN watched_ahead integer NOT NULL DEFAULT 0;
