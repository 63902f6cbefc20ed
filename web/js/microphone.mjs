// @ts-check
/** This page's microphone, for modulators: listened to only while one of them needs it. */
import { encodeMessage } from "./frames.mjs?v=0.3.0";
import { gather, PLAIN } from "./sound_parts.mjs?v=0.3.0";

const RATE = 24_000; // as the server listens: see engine/modulation/sound.py

export class Microphone {
  /** @param {(message: ArrayBuffer) => void} send @param {(error: any) => void} failed */
  constructor(send, failed) {
    this.send = send;
    this.failed = failed;
    this.wanted = false;
    /** @type {Promise<(() => void) | undefined> | undefined} what ends it */
    this.open = undefined;
  }

  /** @param {boolean} wanted */
  listen(wanted) {
    if (wanted === this.wanted) return;
    this.wanted = wanted;
    this.open?.then((end) => end?.());
    this.open = wanted ? this.#open().catch((error) => void this.failed(error)) : undefined;
  }

  async #open() {
    if (!navigator.mediaDevices) throw new Error("Browsers give a microphone only to pages at localhost or over https.");
    const stream = await navigator.mediaDevices.getUserMedia({ audio: PLAIN });
    const { end } = await gather(stream, 1, ({ samples }) => this.send(encodeMessage({ sound: RATE }, samples)), RATE);
    return () => {
      for (const track of stream.getTracks()) track.stop();
      end();
    };
  }
}
