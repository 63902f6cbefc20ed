// @ts-check
/**
 * A preview message: length of the header (4 bytes, big endian), the header as JSON, the JPEG.
 */

/** @typedef {{frame: number, pts: number, w: number, h: number}} FrameHeader */

/** @param {ArrayBuffer} message @returns {{header: FrameHeader, jpeg: Uint8Array}} */
export function decodeFrame(message) {
  const length = new DataView(message).getUint32(0);
  const text = new TextDecoder().decode(new Uint8Array(message, 4, length));
  return { header: JSON.parse(text), jpeg: new Uint8Array(message, 4 + length) };
}
