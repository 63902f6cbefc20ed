// @ts-check
/**
 * What a read node shows of the camera or screen that this page sends: its picture, and what is wrong.
 */
import { ANY, listDevices } from "./camera.mjs?v=0.3.0";
import { button, element } from "./elements.mjs?v=0.3.0";
import { t } from "./i18n.mjs?v=0.3.0";

export class CaptureView {
  constructor() {
    this.element = element("div", "livestyle-capture");
    this.video = /** @type {HTMLVideoElement} */ (element("video", "livestyle-picture"));
    Object.assign(this.video, { muted: true, autoplay: true, playsInline: true });
    this.text = element("span", "livestyle-meters");
    this.button = button("", "Start", "", () => this.again?.());
    this.cameras = this.#select("Which camera of this computer", (chosen) => (this.device = chosen));
    this.microphones = this.#select("Sound beside the picture, from the next Run on", (chosen) => (this.microphone = chosen));
    const bar = element("div", "livestyle-bar");
    bar.append(this.text, this.cameras, this.microphones, this.button);
    this.element.append(this.video, bar);
    /** Called when the node must make room. */
    this.onResize = () => {};
    /** Called when a camera or microphone was chosen. */
    this.onChoice = () => {};
    /** @type {string | undefined} */
    this.device = undefined;
    /** Empty: no sound. @type {string | undefined} */
    this.microphone = undefined;
    this.showIdle();
  }

  /** Height in CSS pixels that the node should leave. */
  get height() {
    return this.video.hidden ? 24 : 160;
  }

  /** @param {string} text */
  showText(text) {
    this.#show(text, {});
  }

  showIdle() {
    this.again = undefined;
    this.video.srcObject = null;
    this.#show("", {});
  }

  /** @param {string} text @param {() => void} again */
  showProblem(text, again) {
    this.again = again;
    this.video.srcObject = null;
    this.#show(text, { problem: true });
  }

  /** @param {MediaStream} stream @param {() => void} again @returns {Promise<HTMLVideoElement>} playing it */
  async showStream(stream, again) {
    this.again = again;
    this.video.srcObject = stream;
    await this.video.play().catch(() => {});
    const { width, height, frameRate, deviceId } = stream.getVideoTracks()[0].getSettings();
    const rate = frameRate ? ` \u00b7 ${Math.round(frameRate)} fps` : "";
    this.#show(`${width}x${height}${rate}`, { playing: true });
    await this.#listDevices(deviceId);
    return this.video;
  }

  /** @param {string} text @param {{playing?: boolean, problem?: boolean}} what */
  #show(text, { playing = false, problem = false }) {
    const grows = this.video.hidden === playing;
    this.text.textContent = this.text.title = t(text);
    this.element.dataset.mood = problem ? "bad" : "";
    this.video.hidden = !playing;
    this.button.hidden = !problem;
    if (!playing) this.cameras.hidden = this.microphones.hidden = true;
    if (grows) this.onResize();
  }

  /** @param {string | undefined} camera what plays */
  async #listDevices(camera) {
    const cameras = await listDevices("videoinput");
    const isCamera = cameras.some(({ id }) => id === camera);
    this.cameras.hidden = cameras.length < 2 || !isCamera;
    this.cameras.replaceChildren(...cameras.map(({ id, label }) => new Option(label, id, false, id === camera)));
    const microphones = await listDevices("audioinput");
    if (!microphones.length) microphones.push({ id: ANY, label: t("Microphone") }); // no names before it was allowed
    const choices = [{ id: "", label: t("No sound") }, ...microphones];
    this.microphones.hidden = !isCamera;
    this.microphones.replaceChildren(
      ...choices.map(({ id, label }) => new Option(label, id, false, id === (this.microphone ?? ""))),
    );
  }

  /** @param {string} title @param {(chosen: string) => void} choose @returns {HTMLSelectElement} */
  #select(title, choose) {
    const select = /** @type {HTMLSelectElement} */ (element("select", "livestyle-button"));
    select.title = t(title);
    select.addEventListener("change", () => {
      choose(select.value);
      this.onChoice();
      this.again?.();
    });
    return select;
  }
}
