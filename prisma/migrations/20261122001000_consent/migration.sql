-- Consent given on the channel's own page. The answer comes back under `nonce` (the consent's state); whoever then returns to the
-- app with `ticket`, which only the browser that brought the answer was given, may finish it.
ALTER TABLE connect_request ADD COLUMN chosen jsonb NOT NULL DEFAULT '{}';
ALTER TABLE connect_request ADD COLUMN return_path text NOT NULL DEFAULT '/app';
ALTER TABLE connect_request ADD COLUMN ticket text UNIQUE;
-- The connection that is to be renewed; once it is done, the one that came of it.
ALTER TABLE connect_request ADD COLUMN connection_id bigint;
ALTER TABLE connect_request ADD CONSTRAINT connect_request_connection
  FOREIGN KEY (shop_id, connection_id) REFERENCES connection (shop_id, id);

-- Our clock: when the account's owner last agreed. NULL: access by keys that were typed in.
ALTER TABLE connection ADD COLUMN consented_at timestamptz;
-- The access token of a consented connection, sealed. NULL: there is none that may be used.
ALTER TABLE connection ADD COLUMN access_token text;
ALTER TABLE connection ADD COLUMN access_expires_at timestamptz;
-- Who refreshes it now. A renewed consent and a disconnection take the lease away: what a refresh that was under way brings is dropped.
ALTER TABLE connection ADD COLUMN access_lease text;
ALTER TABLE connection ADD COLUMN access_lease_until timestamptz;
-- Why the last refresh brought none, in the merchant's words; nobody asks again before `access_again_at`.
ALTER TABLE connection ADD COLUMN access_problem text;
ALTER TABLE connection ADD COLUMN access_again_at timestamptz;
