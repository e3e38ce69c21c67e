/** Starts the workflows that wait for one of our triggers. There is no key that recognises a repetition. */
export const RECEIVE_FLOW_TRIGGER = `mutation LockstepFlowTrigger($handle: String, $payload: JSON) {
  flowTriggerReceive(handle: $handle, payload: $payload) {
    userErrors { field message }
  }
}`;
