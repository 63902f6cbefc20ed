// @ts-check
/** Sends the sound beside a camera's or screen's pictures, as samples with the moment at which they were heard. */
import { CaptureTime } from "./frame_grabber.mjs?v=0.3.0";
import { encodeMessage } from "./frames.mjs?v=0.3.0";
import { gather, PART_MS } from "./sound_parts.mjs?v=0.3.0";

const CHANNELS = 2;

/**
 * @param {string} node the read node
 * @param {MediaStreamTrack} track
 * @param {{send: (message: ArrayBuffer) => void, toServer: (ms: number) => number | undefined}} host
 * @returns {Promise<() => void>} what ends it
 */
export async function sendSound(node, track, { send, toServer }) {
  const time = new CaptureTime();
  const { rate, end } = await gather(new MediaStream([track]), CHANNELS, ({ samples, begun }) => {
    const taken = toServer(time.of(begun * 1000, performance.now() - PART_MS));
    send(encodeMessage({ node, sound: rate, channels: CHANNELS, taken }, samples));
  });
  return end;
}
