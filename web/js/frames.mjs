// @ts-check
/**
 * Pictures over the websocket, both ways: length of the header (4 bytes, big endian), the header as
 * JSON, then JPEGs. A preview has the result and, where asked for, its source; a camera has its picture.
 */

/**
 * @typedef {object} FrameHeader
 * @property {number} frame index in the stream
 * @property {number} pts seconds since the stream's start
 * @property {number} w
 * @property {number} h
 * @property {number} born milliseconds on the server's clock
 * @property {number} source bytes of the source's JPEG, 0 without
 */

/** @param {ArrayBuffer} message
 * @returns {{header: FrameHeader, jpeg: Uint8Array<ArrayBuffer>, source: Uint8Array<ArrayBuffer> | undefined}} */
export function decodeFrame(message) {
  const length = new DataView(message).getUint32(0);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(message, 4, length)));
  const end = message.byteLength - (header.source ?? 0);
  return {
    header,
    jpeg: new Uint8Array(message, 4 + length, end - 4 - length),
    source: header.source ? new Uint8Array(message, end) : undefined,
  };
}

/** What a page sends: a camera's picture, or samples. @param {object} facts @param {ArrayBuffer} data @returns {ArrayBuffer} */
export function encodeMessage(facts, data) {
  const header = new TextEncoder().encode(JSON.stringify(facts));
  const message = new Uint8Array(4 + header.length + data.byteLength);
  new DataView(message.buffer).setUint32(0, header.length);
  message.set(header, 4);
  message.set(new Uint8Array(data), 4 + header.length);
  return message.buffer;
}
