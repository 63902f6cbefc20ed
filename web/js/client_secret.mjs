// @ts-check
/**
 * A secret that this tab keeps to itself: it goes along with every prompt, and whoever has it gets the
 * tokens of the sessions that those prompts start. The tab's ComfyUI id won't do, for /queue shows it.
 */

const STORED = "livestyle.clientSecret";

/** The tab's secret; the same after a reload, and that of a tab whose sessions play on though it may be closed.
 * @param {Storage} storage the tab's own @param {Storage} kept the browser's */
export function clientSecret(storage = sessionStorage, kept = localStorage) {
  const known = storage.getItem(STORED) ?? kept.getItem(STORED);
  if (known) {
    storage.setItem(STORED, known);
    return known;
  }
  const bytes = crypto.getRandomValues(new Uint8Array(24)); // randomUUID needs HTTPS
  const secret = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  storage.setItem(STORED, secret);
  return secret;
}

/** Have later tabs of this browser find what plays in the background, or no more.
 * @param {string} secret @param {boolean} on @param {Storage} kept the browser's */
export function keepSecret(secret, on, kept = localStorage) {
  if (on) kept.setItem(STORED, secret);
  else if (kept.getItem(STORED) === secret) kept.removeItem(STORED);
}

/** Have the secret go along with every prompt that is queued, and what else belongs to it.
 * @param {any} api ComfyUI's @param {string} secret @param {(request: any) => void} [add] changes the request */
export function sendWithPrompts(api, secret, add) {
  const fetchApi = api.fetchApi;
  api.fetchApi = function (/** @type {string} */ route, /** @type {any} */ options) {
    const queues = route === "/prompt" && options?.method === "POST";
    return fetchApi.call(this, route, queues ? { ...options, body: withSecret(options.body, secret, add) } : options);
  };
}

/** @param {string} body JSON @param {string} secret @param {(request: any) => void} [add] */
function withSecret(body, secret, add) {
  const request = JSON.parse(body);
  request.extra_data = { ...request.extra_data, livestyle_client_secret: secret };
  add?.(request);
  return JSON.stringify(request);
}
