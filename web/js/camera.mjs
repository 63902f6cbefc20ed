// @ts-check
/** Asks the browser for a camera or a screen; what goes wrong becomes one line for the artist. */

/** @typedef {"camera" | "screen"} CaptureKind */

const IDEAL = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } };

const REASONS = {
  NotAllowedError: "The browser was not allowed to: press Start, or allow it beside the page's address.",
  InvalidStateError: "The browser wants a click first: press Start.",
  NotFoundError: "This computer has no camera: connect one and press Start.",
  NotReadableError: "Another program uses the camera: close it and press Start.",
  OverconstrainedError: "The chosen camera is gone: choose another.",
};

/** @param {CaptureKind} kind @param {string} [device] id of a camera; the browser's choice without
 * @returns {Promise<MediaStream>} */
export function openStream(kind, device) {
  const devices = navigator.mediaDevices;
  if (!devices) {
    throw new Error("Browsers give cameras and screens only to pages at localhost or over https: open ComfyUI that way.");
  }
  if (kind === "screen") return devices.getDisplayMedia({ video: { frameRate: { ideal: 30 } } });
  return devices.getUserMedia({ video: { ...IDEAL, ...(device ? { deviceId: { exact: device } } : {}) } });
}

/** The cameras, once the page may know their names. @returns {Promise<{id: string, label: string}[]>} */
export async function listCameras() {
  const all = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  return all
    .filter((device) => device.kind === "videoinput" && device.deviceId)
    .map((device) => ({ id: device.deviceId, label: device.label || "camera" }));
}

/** @param {any} error @returns {string} */
export function reasonOf(error) {
  // @ts-ignore other names have no text of their own
  return REASONS[error?.name] ?? error?.message ?? String(error);
}
