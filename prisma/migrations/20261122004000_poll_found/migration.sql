-- Never filled: whether a webhook had brought a state is known only after apply. `countFoundByPoll` (app/reconcile) says it.
ALTER TABLE order_poll DROP COLUMN found;
