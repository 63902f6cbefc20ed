// @ts-check
/**
 * Sends the pictures of a camera or screen to a read node of a running session: one for each credit.
 */
import { encodeMessage } from "./frames.mjs?v=0.3.0";

const LONGEST_SIDE = 1280;
const QUALITY = 0.85;

export class Uplink {
  /**
   * @param {string} node the read node
   * @param {{next: () => Promise<import("./frame_grabber.mjs?v=0.3.0").Grabbed | undefined>, stop: () => void}} grabber
   * @param {{send: (message: object | ArrayBuffer) => void, toServer: (ms: number) => number | undefined,
   *          toJpeg: (grabbed: any, longestSide: number, quality: number) => Promise<ArrayBuffer>}} host
   * @param {boolean} [sound] whether sound is sent beside them
   */
  constructor(node, grabber, host, sound = false) {
    this.node = node;
    this.grabber = grabber;
    this.host = host;
    this.sound = sound;
    this.credit = 0;
    this.sent = 0;
    this.reading = false;
    this.over = false;
  }

  /** The connection is (again) open: say so, and wait for credit. */
  ready() {
    this.credit = 0;
    this.#say("ready");
  }

  /** @param {string} reason one line */
  pause(reason) {
    this.#say("paused", reason);
  }

  /** @param {number} n pictures that may be sent */
  want(n) {
    this.credit += n;
    this.#read();
  }

  /** @param {string} [reason] given where the session goes on without us */
  close(reason) {
    if (this.over) return;
    this.over = true;
    this.grabber.stop();
    if (reason !== undefined) this.#say("gone", reason);
  }

  /** Grab while there is credit; one picture is encoded while the next is awaited. */
  async #read() {
    if (this.reading) return;
    this.reading = true;
    while (this.credit > 0 && !this.over) {
      const grabbed = await this.grabber.next().catch(() => undefined);
      if (!grabbed) break;
      if (this.credit > 0 && !this.over) {
        this.credit -= 1;
        this.#encode(grabbed);
      } else {
        grabbed.close();
      }
    }
    this.reading = false;
  }

  /** @param {import("./frame_grabber.mjs?v=0.3.0").Grabbed} grabbed */
  async #encode(grabbed) {
    try {
      const jpeg = await this.host.toJpeg(grabbed, LONGEST_SIDE, QUALITY);
      if (this.over) return;
      this.host.send(encodeMessage({ node: this.node, taken: this.host.toServer(grabbed.taken) }, jpeg));
      this.sent += 1;
    } catch {
      this.credit += 1; // nothing was sent; the next picture may be whole
    } finally {
      grabbed.close();
    }
  }

  /** @param {string} state @param {string} [reason] */
  #say(state, reason = "") {
    this.host.send({ type: "camera", node: this.node, state, reason, ...(this.sound ? { sound: true } : {}) });
  }
}
