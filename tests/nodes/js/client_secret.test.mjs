import assert from "node:assert/strict";
import { test } from "node:test";
import { clientSecret, keepSecret } from "../../../web/js/client_secret.mjs";

function storage() {
  const kept = new Map();
  return { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value), removeItem: (key) => kept.delete(key) };
}

test("a tab keeps its secret, and another finds it while something plays on", () => {
  const [browser, tab] = [storage(), storage()];
  const secret = clientSecret(tab, browser);
  assert.equal(clientSecret(tab, browser), secret);
  assert.notEqual(clientSecret(storage(), browser), secret);
  keepSecret(secret, true, browser);
  const later = storage();
  assert.deepEqual([clientSecret(later, browser), clientSecret(later, storage())], [secret, secret]);
  keepSecret("another tab's", false, browser);
  assert.equal(clientSecret(storage(), browser), secret);
  keepSecret(secret, false, browser);
  assert.notEqual(clientSecret(storage(), browser), secret);
});
