// @ts-check
/** This page's microphone, for modulators: listened to only while one of them needs it. */

export const RATE = 24_000; // as the server listens: see engine/modulation/sound.py

/** As it is: what browsers do for speech takes the beat out of music. */
const PLAIN = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };

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
    const context = new AudioContext({ sampleRate: RATE });
    await context.audioWorklet.addModule(new URL("./microphone_worklet.mjs?v=0.3.0", import.meta.url));
    const gatherer = new AudioWorkletNode(context, "livestyle-gatherer", { numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit" });
    gatherer.port.onmessage = ({ data }) => this.send(soundMessage(data));
    context.createMediaStreamSource(stream).connect(gatherer);
    return () => {
      for (const track of stream.getTracks()) track.stop();
      context.close();
    };
  }
}

/** @param {ArrayBuffer} samples 16 bits each, at RATE @returns {ArrayBuffer} as every binary message: see docs/api.md */
export function soundMessage(samples) {
  const header = new TextEncoder().encode(JSON.stringify({ sound: RATE }));
  const message = new Uint8Array(4 + header.length + samples.byteLength);
  new DataView(message.buffer).setUint32(0, header.length);
  message.set(header, 4);
  message.set(new Uint8Array(samples), 4 + header.length);
  return message.buffer;
}
