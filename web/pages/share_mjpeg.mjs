// @ts-check
/** Shows the Motion JPEG stream of this page's own address. */

const RETRY_MS = 2000;

const picture = /** @type {HTMLImageElement} */ (document.querySelector("img"));
const address = location.pathname.replace(/\/$/, "") + picture.dataset.stream;

function load() {
  picture.src = `${address}?${Date.now()}`;
}

// ComfyUI may be restarted while OBS shows this page: ask again until it is back.
picture.addEventListener("error", () => setTimeout(load, RETRY_MS));
load();
