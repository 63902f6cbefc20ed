// @ts-check
/**
 * FrameStreamIO reads or writes; the widgets of the other half are hidden, and keep their values.
 * So are those that mean nothing to the chosen source or target.
 */

export const READ = new Set([
  ...["file", "path", "images_fps", "start", "duration", "every_nth", "fps", "resize"],
  ...["source", "url", "device", "clock", "capture"],
  ...["video_track", "audio_track", "background"],
  ...["upload", "video-preview"], // ComfyUI's own: the button and the source's player
]);
export const WRITE = new Set([
  ...["filename_prefix", "compare_mode", "quality", "codec", "keep_last", "preview", "stage"],
  ...["target", "target_url", "bitrate", "record", "keep_audio_codec"],
]);

const FILE = new Set(["file"]);
const DEVICES = new Set(["camera", "screen"]);
const BROWSER = new Set(["browser camera", "browser screen"]);
const NETWORK = new Set(["network"]);
const NAMED = new Set(["network", "ndi"]);

/** The values of ``source`` (read) or ``target`` (write) for which a widget means something; others always do.
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
  ...Object.fromEntries(["filename_prefix", "quality", "codec", "record", "keep_audio_codec"].map((name) => [name, FILE])),
  target_url: new Set(["network", "virtual camera", "ndi"]),
  bitrate: NETWORK,
  allow_private: NETWORK,
};

/** The half that a node shows.
 * @param {string} mode the widget's value @param {boolean} connected whether ``frames`` is
 * @returns {"read" | "write"} */
export function halfOf(mode, connected) {
  if (mode === "read" || mode === "write") return mode;
  return connected ? "write" : "read";
}

/** Show the widgets that are in use, and make the node as high as they need.
 * @param {any} node */
export function applyHalves(node) {
  const value = (/** @type {string} */ name) =>
    node.widgets.find((/** @type {any} */ widget) => widget.name === name)?.value;
  const frames = node.inputs?.find((/** @type {any} */ input) => input.name === "frames");
  const reads = halfOf(value("mode"), frames?.link != null) === "read";
  const hiddenHalf = reads ? WRITE : READ;
  const chosen = value(reads ? "source" : "target") ?? "file";
  let changed = false;
  for (const widget of node.widgets) {
    const hidden = hiddenHalf.has(widget.name) || NEEDS[widget.name]?.has(chosen) === false;
    if (Boolean(widget.hidden) === hidden) continue;
    hide(widget, hidden);
    changed = true;
  }
  if (!changed) return;
  node.setSize?.([node.size[0], node.computeSize()[1]]);
  node.graph?.setDirtyCanvas?.(true, true);
}

/** How the classic renderer measures a hidden widget: nothing, less the gap of 4 pixels that it adds.
 * @type {Record<string, any>} */
const NO_ROOM = { computeSize: () => [0, -4], computeLayoutSize: undefined, computedHeight: 0 };

/** What a hidden widget had of its own in these places; most have it from their class.
 * @type {WeakMap<any, PropertyDescriptorMap>} */
const measures = new WeakMap();

/** @param {any} widget @param {boolean} hidden */
function hide(widget, hidden) {
  widget.hidden = hidden; // the classic renderer looks here
  widget.options.hidden = hidden; // and the Vue one here
  if (hidden) {
    const all = Object.getOwnPropertyDescriptors(widget);
    measures.set(widget, Object.fromEntries(Object.entries(all).filter(([name]) => name in NO_ROOM)));
    Object.assign(widget, NO_ROOM);
  } else {
    for (const name of Object.keys(NO_ROOM)) delete widget[name];
    Object.defineProperties(widget, measures.get(widget) ?? {});
  }
}

/** Ask for ComfyUI's own upload button, which by itself it adds to required inputs only.
 * It comes last, so that it moves no saved widget values.
 * @param {any} input the node definition's ``input`` */
export function addUploadButton(input) {
  if (!input?.optional?.file || input.optional.upload || input.required?.upload) return;
  input.optional.upload = ["IMAGEUPLOAD", { ...input.optional.file[1], imageInputName: "file" }];
}
