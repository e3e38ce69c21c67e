-- What a merchant has decided and asked for between connecting a channel and going live. No row: nothing yet.
CREATE TABLE connection_setup (
  shop_id bigint NOT NULL,
  connection_id bigint NOT NULL,
  -- A long piece of work that was asked for and is not done. A worker does it, so that whoever asked may close the page.
  work text CHECK (work IN ('catalogue', 'watch', 'dry-run')),
  work_asked_at timestamptz,
  work_asked_by text,
  work_done integer NOT NULL DEFAULT 0,
  -- The piece of work that failed last, and why; cleared when it is asked for again.
  failed_work text,
  failed_reason text,
  catalogue_read_at timestamptz,
  dry_run_at timestamptz,
  -- app/connections/guests/dry-run.ts, DryRun.
  dry_run jsonb,
  -- The merchant's answer: does another app bring this channel's orders into Shopify? NULL: not asked yet.
  mirrored text CHECK (mirrored IN ('no', 'yes', 'unsure')),
  mirrored_by text,
  mirrored_at timestamptz,
  -- some: listings that nobody chose yet are held back (listing.paused with the reason 'not live yet').
  live_scope text NOT NULL DEFAULT 'all' CHECK (live_scope IN ('some', 'all')),
  PRIMARY KEY (shop_id, connection_id),
  FOREIGN KEY (shop_id, connection_id) REFERENCES connection (shop_id, id) ON DELETE CASCADE
);
CREATE INDEX connection_setup_work ON connection_setup (work_asked_at) WHERE work IS NOT NULL;

-- What the newest dry run found, listing by listing; those that show the right figure are not listed.
CREATE TABLE dry_run_line (
  shop_id bigint NOT NULL,
  connection_id bigint NOT NULL,
  listing_id bigint NOT NULL,
  -- NULL: the channel keeps no stock for it, or does not know it (`problem` says which).
  from_quantity integer,
  to_quantity integer,
  problem text CHECK (problem IN ('unmanaged', 'gone')),
  PRIMARY KEY (shop_id, connection_id, listing_id),
  FOREIGN KEY (shop_id, connection_id) REFERENCES connection (shop_id, id) ON DELETE CASCADE
);

-- A connection's listings page by page, and what was only watched, newest first.
CREATE INDEX listing_page ON listing (shop_id, connection_id, link_state, coalesce(sku, ''), id);
CREATE INDEX delivery_attempt_watched ON delivery_attempt (shop_id, connection_id, id DESC) WHERE outcome = 'watched';
