// @ts-check
/** Asks the browser for a camera or a screen, and for its sound; what goes wrong becomes one line for the artist. */

import { PLAIN } from "./sound_parts.mjs?v=0.3.0";

/** @typedef {"camera" | "screen"} CaptureKind */

/** The microphone that the browser chooses; also its id in Chrome's list. */
export const ANY = "default";

const IDEAL = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } };

const REASONS = {
  NotAllowedError: "The browser was not allowed to: press Start, or allow it beside the page's address.",
  InvalidStateError: "The browser wants a click first: press Start.",
  NotFoundError: "This computer has no camera: connect one and press Start.",
  NotReadableError: "Another program uses the camera: close it and press Start.",
  OverconstrainedError: "The chosen camera is gone: choose another.",
};

/** @param {CaptureKind} kind @param {string} [device] id of a camera; the browser's choice without
 * @param {string} [microphone] id of a microphone beside it; no sound without
 * @returns {Promise<MediaStream>} */
export function openStream(kind, device, microphone) {
  const devices = navigator.mediaDevices;
  if (!devices) {
    throw new Error("Browsers give cameras and screens only to pages at localhost or over https: open ComfyUI that way.");
  }
  if (kind === "screen") return devices.getDisplayMedia({ video: { frameRate: { ideal: 30 } }, audio: PLAIN });
  return devices.getUserMedia({
    video: { ...IDEAL, ...(device ? { deviceId: { exact: device } } : {}) },
    audio: microphone ? { ...PLAIN, ...(microphone === ANY ? {} : { deviceId: { exact: microphone } }) } : false,
  });
}

/** The cameras or microphones, once the page may know their names.
 * @param {"videoinput" | "audioinput"} kind @returns {Promise<{id: string, label: string}[]>} */
export async function listDevices(kind) {
  const all = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  return all
    .filter((device) => device.kind === kind && device.deviceId)
    .map((device) => ({ id: device.deviceId, label: device.label || (kind === "videoinput" ? "camera" : "microphone") }));
}

/** @param {any} error @returns {string} */
export function reasonOf(error) {
  // @ts-ignore other names have no text of their own
  return REASONS[error?.name] ?? error?.message ?? String(error);
}
