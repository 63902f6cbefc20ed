// @ts-check
/**
 * What can be done without the mouse: commands with keys, for the sessions of the selected nodes, or for
 * all where none of theirs runs. locales/LANGUAGE/commands.json translates them.
 */
import { t, translated } from "./i18n.mjs?v=0.3.0";

/** @typedef {import("./live_session.mjs?v=0.3.0").LiveSession} LiveSession */

/**
 * @typedef {object} CommandHost
 * @property {() => void} play queue the graph
 * @property {import("./session_board.mjs?v=0.3.0").SessionBoard} board
 * @property {Pick<import("./presets.mjs?v=0.3.0").PresetBank, "recall">} presets
 * @property {(node: string, action: "go" | "back" | "hold", on?: boolean) => unknown} cue of a running session
 * @property {() => void} showBackground
 * @property {() => string[]} selected ids of the selected nodes
 * @property {(text: string, bad?: boolean) => void} say
 */

const PRESETS = 9;

const KEYS = { play: "P", pause: "H", step: "N", stop: "S", record: "R", snapshot: "K" };
const CUE_KEYS = { go: "PageDown", back: "PageUp" }; // which the clickers of speakers send

/** As ComfyUI's registerExtension takes them. @param {CommandHost} host */
export function commandsFor(host) {
  const { board, presets } = host;
  const each = (/** @type {(session: LiveSession) => unknown} */ act) => {
    const sessions = running(host);
    if (!sessions.length) host.say(t("Nothing plays."));
    for (const session of sessions) act(session);
  };
  const commands = [
    { id: "livestyle.play", label: "Play", icon: "pi pi-play", function: () => host.play() },
    {
      id: "livestyle.pause",
      label: "Pause or go on",
      icon: "pi pi-pause",
      function: () => each((session) => board.pause(session.node, !session.paused)),
    },
    {
      id: "livestyle.step",
      label: "Pause, or go on by one chunk",
      icon: "pi pi-step-forward",
      function: () => each((session) => board.step(session.node)),
    },
    {
      id: "livestyle.stop",
      label: "Stop and keep what was made",
      icon: "pi pi-stop",
      function: () => each((session) => board.stop(session.node)),
    },
    {
      id: "livestyle.record",
      label: "Start or stop recording",
      icon: "pi pi-circle",
      function: () => each((session) => toggleRecording(host, session)),
    },
    {
      id: "livestyle.snapshot",
      label: "Save this frame",
      icon: "pi pi-camera",
      function: () => each((session) => saveFrame(host, session.node)),
    },
    {
      id: "livestyle.go",
      label: "Go: the next cue",
      icon: "pi pi-forward",
      function: () => each((session) => host.cue(session.node, "go")),
    },
    {
      id: "livestyle.back",
      label: "Back: the cue before",
      icon: "pi pi-backward",
      function: () => each((session) => host.cue(session.node, "back")),
    },
    {
      id: "livestyle.hold",
      label: "Hold the cues, or have them go on",
      icon: "pi pi-clock",
      function: () => each((session) => host.cue(session.node, "hold", !session.held)),
    },
    {
      id: "livestyle.background",
      label: "What plays in the background",
      icon: "pi pi-list",
      function: () => host.showBackground(),
    },
  ];
  const numbers = Array.from({ length: PRESETS }, (_, index) => index + 1);
  const recalls = numbers.map((n) => ({
    id: `livestyle.preset${n}`,
    label: `LiveStyle: ${t("Preset {n}", { n })}`,
    function: () => presets.recall(n - 1),
  }));
  return {
    commands: [...translated("commands", commands), ...recalls],
    keybindings: [
      ...Object.entries(KEYS).map(([name, key]) => ({
        commandId: `livestyle.${name}`,
        combo: { key: key.toLowerCase(), shift: true },
      })),
      ...Object.entries(CUE_KEYS).map(([name, key]) => ({ commandId: `livestyle.${name}`, combo: { key } })),
      ...numbers.map((n) => ({ commandId: `livestyle.preset${n}`, combo: { key: String(n) } })),
    ],
    menuCommands: [{ path: ["LiveStyle"], commands: commands.map(({ id }) => id) }],
  };
}

/** Keep the picture that a node shows now. @param {Pick<CommandHost, "board" | "say">} host @param {string} node */
export async function saveFrame({ board, say }, node) {
  const { file, error } = (await board.snapshot(node)) ?? {};
  if (file) say(t("Saved {file}", { file: file.filename }));
  else if (error) say(error, true);
}

/** @param {Pick<CommandHost, "board" | "say">} host @param {LiveSession} session */
function toggleRecording({ board, say }, session) {
  if (!session.recorders.length) say(t("Nothing here records: set target on Frame Stream IO to file."));
  const on = !session.recorders.some((/** @type {string} */ node) => session.recording(node));
  for (const node of session.recorders) board.record(node, on);
}

/** @param {CommandHost} host @returns {LiveSession[]} */
function running({ board, selected }) {
  const all = board.playing;
  const ids = selected();
  const theirs = all.filter((session) => ids.some((id) => session.nodes.has(id)));
  return theirs.length ? theirs : all;
}
