// @ts-check
/**
 * FrameStreamIO reads, writes or mixes; the widgets of its other parts are hidden, and keep their values.
 * So are those that mean nothing to the chosen source, target or way to mix, and the others' sockets.
 */
import { fit } from "./rooms.mjs?v=0.3.0";
import { isConnected, showSockets } from "./sockets.mjs?v=0.3.0";

export const READ = new Set([
  ...["file", "path", "images_fps", "start", "duration", "every_nth", "fps", "resize"],
  ...["source", "url", "device", "clock", "capture"],
  ...["video_track", "audio_track", "background"],
  ...["upload", "video-preview"], // ComfyUI's own: the button and the source's player
]);
export const WRITE = new Set([
  ...["filename_prefix", "compare_mode", "quality", "codec", "keep_last", "preview", "stage"],
  ...["target", "target_url", "bitrate", "record", "keep_audio_codec", "take", "record_source", "run_mode", "volume"],
]);
export const MIX = new Set(["mix", "balance", "inset_x", "inset_y", "inset_size", "status"]);

const PARTS = {
  read: { own: READ, choice: "source" },
  write: { own: WRITE, choice: "target" },
  mix: { own: MIX, choice: "mix" },
};

const FILE = new Set(["file"]);
const DEVICES = new Set(["camera", "screen"]);
const BROWSER = new Set(["browser camera", "browser screen"]);
const NETWORK = new Set(["network"]);
const NAMED = new Set(["network", "ndi"]);

/** The values of ``source`` (read), ``target`` (write) or ``mix`` for which a widget means something; others always do.
 * @type {Record<string, Set<string>>} */
const NEEDS = {
  ...Object.fromEntries(
    [
      ...["file", "path", "images_fps", "start", "every_nth", "upload", "video-preview"],
      ...["video_track", "audio_track", "background"],
    ].map((name) => [name, FILE]),
  ),
  fps: new Set(["file", "camera", "screen"]),
  url: NAMED,
  device: DEVICES,
  clock: new Set([...DEVICES, ...BROWSER, ...NAMED]),
  capture: BROWSER,
  ...Object.fromEntries(["filename_prefix", "quality", "codec", "record", "keep_audio_codec", "record_source"].map((name) => [name, FILE])),
  target_url: new Set(["network", "virtual camera", "ndi"]),
  bitrate: NETWORK,
  allow_private: NETWORK,
  ...Object.fromEntries(["inset_x", "inset_y", "inset_size"].map((name) => [name, new Set(["picture in picture"])])),
};

/** The part that a node shows.
 * @param {string} mode the widget's value @param {boolean} connected whether ``frames`` is
 * @param {boolean} [second] whether ``frames_b`` is @returns {"read" | "write" | "mix"} */
export function halfOf(mode, connected, second = false) {
  if (mode === "read" || mode === "write" || mode === "mix") return mode;
  return second ? "mix" : connected ? "write" : "read";
}

/** @param {any} node */
const partOf = (node) => halfOf(valueOf(node, "mode"), isConnected(node, "frames"), isConnected(node, "frames_b"));

/** @param {any} node @returns {boolean} whether it writes */
export function writes(node) {
  return partOf(node) === "write";
}

/** @param {any} node @param {string} name of a widget */
function valueOf(node, name) {
  return node.widgets.find((/** @type {any} */ widget) => widget.name === name)?.value;
}

/** Show the widgets that are in use, and make the node as high as they need.
 * @param {any} node @param {boolean} [sockets] whether they come and go, too: not while a graph is being loaded */
export function applyHalves(node, sockets = true) {
  const value = (/** @type {string} */ name) => valueOf(node, name);
  const part = partOf(node);
  const { own, choice } = PARTS[part];
  const chosen = value(choice) ?? "file";
  // What has no file yet may still be given one by another node, or be given frames to write.
  const open = part === "read" && chosen === "file" && !value("file") && !value("path");
  const frames = part !== "read" || (open && value("mode") === "auto");
  const mixes = part === "mix";
  const wanted = { frames, compare: part === "write", video: open, images: open, frames_b: mixes, mask: chosen === "mask" };
  let changed = sockets && showSockets(node, wanted);
  for (const widget of node.widgets) {
    const others = Object.values(PARTS).some((each) => each.own !== own && each.own.has(widget.name));
    const hidden = others || NEEDS[widget.name]?.has(chosen) === false;
    if (Boolean(widget.hidden) === hidden) continue;
    widget.hidden = hidden; // the classic renderer looks here
    widget.options.hidden = hidden; // and the Vue one here
    fit(widget, Boolean(node.showAdvanced));
    changed = true;
  }
  if (!changed) return;
  node.setSize?.([node.size[0], node.computeSize()[1]]);
  node.graph?.setDirtyCanvas?.(true, true);
}

/** What stands in a widget that was added later: a graph that was saved before has the upload button's
 * value in its place. @type {Record<string, string | number>} */
const LATER = { take: "", mix: "crossfade", volume: 1 };

/** @param {any} node */
export function forgetUpload(node) {
  for (const widget of node.widgets) if (widget.name in LATER && widget.value === "image") widget.value = LATER[widget.name];
}

/** Ask for ComfyUI's own upload button, which by itself it adds to required inputs only.
 * It comes last, so that it moves no saved widget values.
 * @param {any} input the node definition's ``input`` */
export function addUploadButton(input) {
  if (!input?.optional?.file || input.optional.upload || input.required?.upload) return;
  const { display_name: _, ...facts } = input.optional.file[1];
  input.optional.upload = ["IMAGEUPLOAD", { ...facts, imageInputName: "file" }];
}
