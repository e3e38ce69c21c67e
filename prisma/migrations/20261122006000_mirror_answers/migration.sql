-- The answer says also what the copies do to Shopify's stock; connection.mirror follows it.
ALTER TABLE connection_setup DROP CONSTRAINT connection_setup_mirrored_check;
UPDATE connection_setup SET mirrored = 'unsure' WHERE mirrored = 'yes';
ALTER TABLE connection_setup ADD CONSTRAINT connection_setup_mirrored_check
  CHECK (mirrored IN ('no', 'takes-stock', 'leaves-stock', 'unsure'));
