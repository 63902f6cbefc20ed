// @ts-check
/** What a stream sounds like, in parts of 20 ms. */

/** As it is: what browsers do for speech takes the beat out of music. */
export const PLAIN = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };

export const PART_MS = 20;

/** @typedef {{samples: ArrayBuffer, begun: number}} Part 16-bit samples, and the second at which they began */

/**
 * @param {MediaStream} stream
 * @param {number} channels
 * @param {(part: Part) => void} onPart
 * @param {number} [rate] samples a second; the sound card's own without
 * @returns {Promise<{rate: number, end: () => void}>}
 */
export async function gather(stream, channels, onPart, rate) {
  const context = new AudioContext(rate ? { sampleRate: rate } : {});
  await context.audioWorklet.addModule(new URL("./microphone_worklet.mjs?v=0.3.0", import.meta.url));
  const gatherer = new AudioWorkletNode(context, "livestyle-gatherer", {
    numberOfOutputs: 0,
    channelCount: channels,
    channelCountMode: "explicit",
    processorOptions: { channels },
  });
  gatherer.port.onmessage = ({ data }) => onPart(data);
  context.createMediaStreamSource(stream).connect(gatherer);
  return { rate: context.sampleRate, end: () => void context.close() };
}
