// @ts-check
/** The page of ComfyUI's settings that is ours; locales/LANGUAGE/settings.json translates it. */

export const TRANSPORT = "livestyle.camera.transport";
export const FIRST_VIEW = "livestyle.preview.view";
export const CONTROLLERS = "livestyle.controllers.on";
export const OSC_PORT = "livestyle.osc.port";
export const LARGEST = "livestyle.preview.largest";

export const SETTINGS = [
  {
    id: TRANSPORT,
    category: ["LiveStyle", "Camera", "Transport"],
    name: "How the browser's camera and screen travel to ComfyUI",
    tooltip: "WebRTC is for connections with little bandwidth and needs the aiortc package in ComfyUI's Python.",
    type: "combo",
    options: ["websocket", "WebRTC"],
    defaultValue: "websocket",
  },
  {
    id: FIRST_VIEW,
    category: ["LiveStyle", "Preview", "View"],
    name: "What a new node's preview shows first",
    tooltip: "The button under the preview goes through all three; each node remembers its own.",
    type: "combo",
    options: [
      { text: "Result", value: "result" },
      { text: "Side by side", value: "side_by_side" },
      { text: "Wipe", value: "wipe" },
    ],
    defaultValue: "result",
  },
  {
    id: LARGEST,
    category: ["LiveStyle", "Preview", "Largest"],
    name: "Longest side of a preview in pixels",
    tooltip: "0 is as large as the node shows it. A smaller one saves bandwidth; files and OBS keep their size.",
    type: "combo",
    options: [0, 256, 384, 512, 768].map((value) => ({ text: String(value), value })),
    defaultValue: 0,
  },
  {
    id: OSC_PORT,
    category: ["LiveStyle", "OSC", "Port"],
    name: "Port at which OSC messages move live widgets",
    tooltip: "0 is off. OSC needs the python-osc package in ComfyUI's Python. Only programs on this computer are heard.",
    type: "number",
    attrs: { min: 0, max: 65535 },
    defaultValue: 0,
  },
  {
    id: CONTROLLERS,
    category: ["LiveStyle", "MIDI", "Use"],
    name: "MIDI controllers and gamepads move live widgets",
    tooltip: "Right-click a live node to learn a control. The browser asks whether this page may use MIDI.",
    type: "boolean",
    defaultValue: false,
  },
];
