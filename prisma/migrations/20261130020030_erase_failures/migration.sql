-- A shop's erasure names what its letters leave behind, and what tried them again, like everything else of the shop.
DROP TRIGGER shop_forgets_problem_changes ON shop;
DROP FUNCTION forget_problem_changes();

CREATE OR REPLACE FUNCTION erase_shop(target bigint) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
  PERFORM set_config('lockstep.erasing_shop', target::text, true);
  DELETE FROM audit WHERE shop_id = target;
  DELETE FROM difference WHERE shop_id = target;
  DELETE FROM order_poll WHERE shop_id = target;
  DELETE FROM lag_sample WHERE shop_id = target;
  DELETE FROM rate_budget WHERE shop_id = target;
  -- Its own column has the name of what is asked for.
  DELETE FROM replay_line WHERE shop_id = erase_shop.target;
  DELETE FROM replay_run WHERE shop_id = target;
  DELETE FROM dead_letter WHERE shop_id = target;
  DELETE FROM problem_change WHERE shop_id = target;
  DELETE FROM problem WHERE shop_id = target;
  DELETE FROM delivery_attempt WHERE shop_id = target;
  DELETE FROM fetch_request WHERE shop_id = target;
  DELETE FROM inbox_event WHERE shop_id = target;
  DELETE FROM delivery_key WHERE shop_id = target;
  DELETE FROM oversell WHERE shop_id = target;
  DELETE FROM order_line_allocation WHERE shop_id = target;
  DELETE FROM order_line WHERE shop_id = target;
  DELETE FROM sales_order WHERE shop_id = target;
  DELETE FROM listing WHERE shop_id = target;
  DELETE FROM movement WHERE shop_id = target;
  DELETE FROM delta_line WHERE shop_id = target;
  DELETE FROM delta_batch WHERE shop_id = target;
  DELETE FROM prediction WHERE shop_id = target;
  DELETE FROM stock WHERE shop_id = target;
  DELETE FROM bundle_component WHERE shop_id = target;
  DELETE FROM item WHERE shop_id = target;
  DELETE FROM connection_location WHERE shop_id = target;
  DELETE FROM location WHERE shop_id = target;
  DELETE FROM connect_request WHERE shop_id = target;
  DELETE FROM session WHERE shop_domain = (SELECT domain FROM shop WHERE id = target);
  DELETE FROM connection WHERE shop_id = target;
  DELETE FROM shop_lane WHERE shop_id = target;
  DELETE FROM shop WHERE id = target;
  PERFORM set_config('lockstep.erasing_shop', '', true);
END $$;

-- Old runs are found by when they ended (inbox/keep-house.ts).
CREATE INDEX replay_run_age ON replay_run (done_at) WHERE done_at IS NOT NULL;
