// @ts-check
/**
 * A secret that this tab keeps to itself: it goes along with every prompt, and whoever has it gets the
 * tokens of the sessions that those prompts start. The tab's ComfyUI id won't do, for /queue shows it.
 */

const STORED = "livestyle.clientSecret";

/** The tab's secret; the same after a reload. @param {Storage} storage the tab's own */
export function clientSecret(storage = sessionStorage) {
  const known = storage.getItem(STORED);
  if (known) return known;
  const bytes = crypto.getRandomValues(new Uint8Array(24)); // randomUUID needs HTTPS
  const secret = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  storage.setItem(STORED, secret);
  return secret;
}

/** Have the secret go along with every prompt that is queued.
 * @param {any} api ComfyUI's @param {string} secret */
export function sendWithPrompts(api, secret) {
  const fetchApi = api.fetchApi;
  api.fetchApi = function (/** @type {string} */ route, /** @type {any} */ options) {
    const queues = route === "/prompt" && options?.method === "POST";
    return fetchApi.call(this, route, queues ? { ...options, body: withSecret(options.body, secret) } : options);
  };
}

/** @param {string} body JSON @param {string} secret */
function withSecret(body, secret) {
  const request = JSON.parse(body);
  request.extra_data = { ...request.extra_data, livestyle_client_secret: secret };
  return JSON.stringify(request);
}
