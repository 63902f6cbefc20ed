// @ts-check
/**
 * The picture on a node: the preview while a session runs, the finished file afterwards,
 * with a line of meters, a Stop button and the answer to the last live change.
 */
import { metersText } from "./format.mjs?v=0.1.0";
import { StatusLine } from "./status_line.mjs?v=0.1.0";

const RUNNING = new Set(["loading", "warming", "running", "draining"]);

export class Stage {
  /** @param {{stop: () => void, viewURL: (file: {filename: string, subfolder: string, type: string}) => string}} host */
  constructor(host) {
    this.host = host;
    this.state = { state: "" };
    this.telemetry = undefined;
    /** Called when the node must make room. */
    this.onResize = () => {};

    this.element = element("div", "livestyle-stage");
    this.canvas = /** @type {HTMLCanvasElement} */ (element("canvas", "livestyle-picture"));
    this.video = /** @type {HTMLVideoElement} */ (element("video", "livestyle-picture"));
    Object.assign(this.video, { controls: true, loop: true, muted: true, autoplay: true, playsInline: true });
    this.bar = element("div", "livestyle-bar");
    this.meters = element("span", "livestyle-meters");
    this.button = /** @type {HTMLButtonElement} */ (element("button", "livestyle-stop"));
    this.button.type = "button";
    this.button.textContent = "Stop";
    this.button.title = "End the source; what has been made so far is kept and the graph goes on.";
    this.button.addEventListener("click", () => host.stop());
    this.status = new StatusLine();
    this.bar.append(this.meters, this.button);
    this.element.append(this.canvas, this.video, this.bar, this.status.element);
    this.#mode("idle");
  }

  /** Height in CSS pixels that the node should leave. */
  get height() {
    return this.mode === "idle" ? 24 : 220;
  }

  /** Longer side of the picture on screen, in device pixels. */
  shownSize() {
    const box = this.canvas.getBoundingClientRect();
    return Math.max(box.width, box.height) * (window.devicePixelRatio || 1);
  }

  /** @param {any} state */
  showState(state) {
    this.state = state;
    const running = RUNNING.has(state.state);
    this.element.dataset.state = state.state;
    this.button.hidden = !running;
    this.button.disabled = state.state === "draining";
    if (running && this.mode === "result") this.#mode("idle");
    this.#write();
  }

  /** @param {any} telemetry */
  showTelemetry(telemetry) {
    this.telemetry = telemetry;
    this.#write();
  }

  /** @param {any} receipt */
  showReceipt(receipt) {
    this.status.showReceipt(receipt);
  }

  /** @param {ImageBitmap} bitmap @param {{frame: number}} header */
  showFrame(bitmap, header) {
    if (!RUNNING.has(this.state.state)) return;
    this.#mode("preview");
    if (this.canvas.width !== bitmap.width || this.canvas.height !== bitmap.height) {
      this.canvas.width = bitmap.width;
      this.canvas.height = bitmap.height;
    }
    this.canvas.getContext("2d")?.drawImage(bitmap, 0, 0);
    this.canvas.dataset.frame = String(header.frame);
  }

  /** @param {{filename: string, subfolder: string, type: string} | undefined} file */
  showResult(file) {
    if (!file?.filename) return;
    const { filename, subfolder, type } = file;
    const name = `${type}/${subfolder}/${filename}`;
    if (this.video.dataset.file !== name) {
      this.video.dataset.file = name;
      this.video.src = this.host.viewURL({ filename, subfolder, type });
    }
    this.#mode("result");
  }

  dispose() {
    this.video.removeAttribute("src");
    this.video.load();
    this.element.remove();
  }

  #write() {
    const text = this.state.error || metersText(this.state, this.telemetry);
    this.meters.textContent = text;
    this.meters.title = text;
  }

  /** @param {"idle" | "preview" | "result"} mode */
  #mode(mode) {
    if (this.mode === mode) return;
    const changed = (this.mode === "idle") !== (mode === "idle");
    this.mode = mode;
    this.canvas.hidden = mode !== "preview";
    this.video.hidden = mode !== "result";
    if (mode !== "result") this.video.pause();
    if (mode === "idle" && !this.state.state) this.button.hidden = true;
    if (changed) this.onResize();
  }
}

/** @param {string} tag @param {string} className @returns {HTMLElement} */
function element(tag, className) {
  const made = document.createElement(tag);
  made.className = className;
  return made;
}
