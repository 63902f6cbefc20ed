import assert from "node:assert/strict";
import { test } from "node:test";
import { clientSecret, keepSecret, sendWithPrompts } from "../../../web/js/client_secret.mjs?v=0.3.0";

function storage() {
  const kept = new Map();
  return { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value), removeItem: (key) => kept.delete(key) };
}

test("a tab keeps its secret, and another finds it while something plays on", () => {
  const [browser, tab] = [storage(), storage()];
  const secret = clientSecret(tab, browser);
  assert.match(secret, /^[0-9a-f]{48}$/);
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

test("the secret goes along with prompts and with nothing else", async () => {
  const sent = [];
  const api = {
    user: "me",
    async fetchApi(route, options) {
      sent.push([this.user, route, options]);
      return "answer";
    },
  };
  sendWithPrompts(api, "s3cret");
  const body = JSON.stringify({ prompt: { 1: {} }, extra_data: { extra_pnginfo: { workflow: {} } } });
  const options = { method: "POST", headers: { "Content-Type": "application/json" }, body };
  assert.equal(await api.fetchApi("/prompt", options), "answer");
  await api.fetchApi("/prompt");
  await api.fetchApi("/upload/image", options);
  const [[user, , queued], [, , polled], [, , uploaded]] = sent;
  assert.equal(user, "me");
  assert.equal(queued.headers, options.headers);
  assert.deepEqual(JSON.parse(queued.body), {
    prompt: { 1: {} },
    extra_data: { extra_pnginfo: { workflow: {} }, livestyle_client_secret: "s3cret" },
  });
  assert.equal(polled, undefined);
  assert.equal(uploaded.body, body);
});
