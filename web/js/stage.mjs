// @ts-check
/**
 * The picture on a node: the preview while a session runs, the finished file afterwards, with buttons,
 * meters and the answer to the last live change.
 */
import { Comparison, MODES } from "./comparison.mjs?v=0.3.0";
import { button, element } from "./elements.mjs?v=0.3.0";
import { notes } from "./format.mjs?v=0.3.0";
import { t, tLine } from "./i18n.mjs?v=0.3.0";
import { MeterRow } from "./meter_row.mjs?v=0.3.0";
import { StatusLine } from "./status_line.mjs?v=0.3.0";

const RUNNING = new Set(["loading", "warming", "running", "draining"]);

/**
 * @typedef {object} StageHost
 * @property {() => void} stop
 * @property {() => void} restart
 * @property {(on: boolean) => void} pause
 * @property {() => void} step
 * @property {() => Promise<any>} snapshot
 * @property {(on: boolean) => void} record
 * @property {() => number | undefined} volume of the sound; undefined where nothing plays
 * @property {() => void} mute or no more
 * @property {() => string} id of the node
 * @property {() => Promise<string | undefined>} [copyShareLink] for OBS; gives what was copied
 * @property {(mode: import("./comparison.mjs?v=0.3.0").CompareMode) => void} onMode
 * @property {(file: {filename: string, subfolder: string, type: string}) => void} onResult shown now, and after a reload
 * @property {(file: {filename: string, subfolder: string, type: string}) => string} viewURL
 */

export class Stage {
  /** @param {StageHost} host */
  constructor(host) {
    this.host = host;
    /** @type {any} */
    this.state = { state: "" };
    /** @type {any} */
    this.telemetry = undefined;
    /** Whether this run's file is known. */
    this.finished = false;
    /** @type {"" | "idle" | "preview" | "result"} */
    this.mode = "";
    this.element = element("div", "livestyle-stage");
    this.canvas = /** @type {HTMLCanvasElement} */ (element("canvas", "livestyle-picture"));
    this.video = /** @type {HTMLVideoElement} */ (element("video", "livestyle-picture"));
    Object.assign(this.video, { controls: true, loop: true, muted: true, autoplay: true, playsInline: true });
    this.comparison = new Comparison(this.canvas);
    this.meters = new MeterRow();
    this.note = element("div", "livestyle-note");
    this.status = new StatusLine();
    this.stop = button(
      "livestyle-stop",
      "Stop",
      "End the source; what has been made so far is kept and the graph goes on.",
      () => host.stop(),
    );
    this.restart = button(
      "livestyle-restart",
      "Restart",
      "Keep what has been made so far, and begin anew with the graph as it is now.",
      () => host.restart(),
    );
    this.pause = button("livestyle-pause", "Pause", "", () => host.pause(!this.state.paused));
    this.step = button("livestyle-step", "Step", "Keep this picture as it is, and go on by one chunk.", () => host.step());
    this.record = button("livestyle-record", "Record", "", () => host.record(!this.#recording));
    this.mute = button("livestyle-mute", "Mute", "", () => {
      host.mute();
      this.#enable();
    });
    this.snapshot = button(
      "livestyle-snapshot",
      "Snapshot",
      "Keep this picture, at full size, in ComfyUI's output folder.",
      () => this.#keep(),
    );
    this.view = button(
      "livestyle-view",
      MODES.result,
      "The result alone, beside its source, or with a wipe that follows the pointer.",
      () => this.#next(),
    );
    this.watch = button(
      "livestyle-watch",
      "OBS",
      "Copy the address at which OBS, a player or another screen can show this picture.",
      () => this.#copy(),
    );
    this.watch.hidden = !host.copyShareLink;
    this.bar = element("div", "livestyle-bar");
    this.bar.append(this.stop, this.restart, this.pause, this.step, this.record, this.mute, this.snapshot, this.view, this.watch);
    this.hint = element("div", "livestyle-hint");
    this.hint.textContent = t("Press Run: the picture shows here. What has a ring beside its name acts while it plays.");
    // Above the picture: the editor's minimap covers the foot of a tall node.
    this.element.append(this.bar, this.hint, this.canvas, this.video, this.meters.element, this.note, this.status.element);
    this.video.addEventListener("error", () => this.#mode("idle")); // the file is gone, or can't be played here
    this.#mode("idle");
    this.#enable();
  }

  /** Called when what is below the picture has another height. */
  onResize = () => {};

  /** Height in CSS pixels that the node should leave: the same before, while and after it plays. */
  height = 308;

  /** See quality.mjs. */
  sight() {
    const box = this.canvas.getBoundingClientRect();
    const halves = this.comparison.mode === "side_by_side" ? 2 : 1;
    const shown = Math.max(box.width / halves, box.height) * (window.devicePixelRatio || 1);
    return { shown, source: this.comparison.wantsSource };
  }

  /** @param {import("./comparison.mjs?v=0.3.0").CompareMode} mode */
  compare(mode) {
    if (!(mode in MODES)) return;
    this.comparison.mode = mode;
    this.view.textContent = t(MODES[mode]);
    this.canvas.dataset.compare = mode;
    this.comparison.draw();
  }

  /** @param {any} state */
  showState(state) {
    const began = RUNNING.has(state.state) && !RUNNING.has(this.state.state);
    this.state = state;
    this.element.dataset.state = state.state;
    if (began) {
      this.telemetry = undefined;
      this.finished = false;
      this.status.clear(); // it speaks of the last run's file
    }
    if (began && this.mode === "result") this.#mode("idle");
    if (!RUNNING.has(state.state)) {
      this.comparison.show();
      this.note.textContent = "";
      this.telemetry = undefined;
      if (state.background && state.error) this.status.show(tLine(state.error), "bad"); // no prompt is there to fail
      if (state.state === "cancelled") this.status.show(t("Cancelled."), "done");
    }
    this.#enable();
    this.meters.show(state, this.telemetry);
  }

  /** @param {any} telemetry */
  showTelemetry(telemetry) {
    this.telemetry = telemetry;
    this.meters.show(this.state, telemetry);
    this.note.textContent = this.note.title = notes(telemetry);
    this.#enable();
  }

  /** @param {any} receipt */
  showReceipt(receipt) {
    this.status.showReceipt(receipt);
    this.#enable();
  }

  /** @param {import("./live_session.mjs?v=0.3.0").Shown} picture */
  showFrame({ result, source, header }) {
    // ComfyUI may tell of the file before the session's end is heard; a film that is paused for a late picture stays so.
    if (this.finished || !RUNNING.has(this.state.state) || !this.element.checkVisibility()) return;
    this.#mode("preview");
    this.comparison.show(result, source);
    this.canvas.dataset.frame = String(header.frame);
  }

  /** @param {{file: {filename: string}, frames: number}} take */
  showTake(take) {
    this.status.show(t("Recorded {file} ({frames} frames)", { file: take.file.filename, frames: take.frames }), "done");
  }

  /** @param {{filename: string, subfolder: string, type: string, frames?: number} | undefined} file */
  showResult(file) {
    if (!file?.filename) return;
    const facts = { file: file.filename, frames: file.frames ?? "?" };
    if (this.state.state === "cancelled") this.status.show(t("Cancelled; kept {file} ({frames} frames)", facts), "done");
    else if (this.state.state === "done") this.status.show(t("Saved {file} ({frames} frames)", facts), "done");
    this.host.onResult(file);
    this.finished = true;
    const { filename, subfolder, type } = file;
    const name = `${type}/${subfolder}/${filename}`;
    if (this.video.dataset.file !== name) {
      this.video.dataset.file = name;
      this.video.src = this.host.viewURL({ filename, subfolder, type });
    }
    this.#mode("result");
  }

  dispose() {
    this.comparison.show();
    this.video.removeAttribute("src");
    this.video.load();
    this.element.remove();
  }

  get #recording() {
    return this.telemetry?.targets?.[this.host.id()]?.state === "recording";
  }

  /** Which buttons there are. */
  #enable() {
    const running = RUNNING.has(this.state.state);
    const { paused } = this.state;
    for (const each of [this.stop, this.pause, this.snapshot, this.view]) each.hidden = !running;
    this.restart.hidden = !running || !this.state.background;
    this.step.hidden = !running || !paused;
    this.stop.disabled = this.restart.disabled = this.pause.disabled = this.state.state === "draining";
    this.pause.textContent = paused ? t("Go on") : t("Pause");
    this.pause.title = paused
      ? t("Keep this picture as it is, and play on.")
      : t("Stand still, and see the next picture again with every change.");
    this.record.hidden = !running || !(this.state.recorders ?? []).includes(this.host.id());
    this.record.disabled = this.stop.disabled;
    this.record.dataset.on = this.record.ariaPressed = String(this.#recording);
    this.record.title = this.#recording
      ? t("Close the file; the stream goes on.")
      : t("Write a file from here on; the stream goes on.");
    const volume = this.host.volume();
    this.mute.hidden = !running || volume === undefined;
    this.mute.dataset.on = this.mute.ariaPressed = String(volume === 0);
    this.mute.title = volume === 0 ? t("Let the sound be heard again, as loud as before.") : t("Silence what is written, sent and watched; the volume is kept.");
  }

  #next() {
    const modes = /** @type {import("./comparison.mjs?v=0.3.0").CompareMode[]} */ (Object.keys(MODES));
    this.compare(modes[(modes.indexOf(this.comparison.mode) + 1) % modes.length]);
    this.host.onMode(this.comparison.mode);
  }

  async #keep() {
    this.snapshot.disabled = true;
    const { file, error } = (await this.host.snapshot()) ?? {};
    this.snapshot.disabled = false;
    if (file) this.status.show(t("Saved {file}", { file: file.filename }), "done");
    else if (error) this.status.show(error, "bad");
  }

  async #copy() {
    const address = await this.host.copyShareLink?.();
    if (address) this.status.show(t("For OBS: {address}", { address }), "done");
  }

  /** @param {"idle" | "preview" | "result"} mode */
  #mode(mode) {
    if (this.mode === mode) return;
    this.mode = mode;
    this.hint.hidden = mode !== "idle";
    this.canvas.hidden = mode !== "preview";
    this.video.hidden = mode !== "result";
    if (mode !== "result") this.video.pause();
  }
}
