-- Messages that were fetched from a channel's queue. NOT VALID: every row that exists kept the narrower rule.
ALTER TABLE inbox_event DROP CONSTRAINT inbox_event_source_check;
ALTER TABLE inbox_event ADD CONSTRAINT inbox_event_source_check
  CHECK (source IN ('webhook', 'queue', 'fetch', 'poll', 'import', 'replay', 'app')) NOT VALID;
