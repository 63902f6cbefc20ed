// @ts-check
/** What plays the live widgets beside the mouse: presets, OSC, MIDI and gamepads, connected to the editor. */
import { reasonOf } from "./camera.mjs?v=0.3.0";
import { controllerMenu, Controllers, triggerMenu } from "./controllers.mjs?v=0.3.0";
import { CuePanel } from "./cue_panel.mjs?v=0.3.0";
import { Gamepads } from "./gamepad.mjs?v=0.3.0";
import { isLive, liveNames } from "./graph.mjs?v=0.3.0";
import { t } from "./i18n.mjs?v=0.3.0";
import { Microphone } from "./microphone.mjs?v=0.3.0";
import { listenToMidi, MidiParser } from "./midi.mjs?v=0.3.0";
import { Modulation } from "./modulation.mjs?v=0.3.0";
import { Osc, oscMenu } from "./osc.mjs?v=0.3.0";
import { PresetBar } from "./preset_bar.mjs?v=0.3.0";
import { PresetBank, presetMenu } from "./presets.mjs?v=0.3.0";
import { CONTROLLERS, OSC_PORT } from "./settings.mjs?v=0.3.0";
import { thumbnail } from "./thumbnail.mjs?v=0.3.0";

const ACTIONS = ["record", "snapshot", "pause", "step", "stop", "go", "back", "hold"];

/**
 * @typedef {object} PerformHost
 * @property {any} app ComfyUI's
 * @property {any} api ComfyUI's
 * @property {import("./session_board.mjs?v=0.3.0").SessionBoard} board
 * @property {import("./live_widgets.mjs?v=0.3.0").LiveWidgets} live
 * @property {string} secret of this tab
 * @property {(id: string) => any} setting
 * @property {(text: string, bad?: boolean) => void} say
 */

/** @param {PerformHost} host */
export function performOn({ app, api, board, live, secret, setting, say }) {
  const graph = () => app.rootGraph ?? app.graph;
  const references = () =>
    [...live.all()].filter(({ node, widget }) => node.comfyClass === "MLLMEncode" && widget.name === "reference" && widget.value);
  const presets = new PresetBank({
    graph,
    values: () => live.said(),
    references: () => Object.fromEntries(references().map(({ key, widget }) => [key, widget.value])),
    recall(values, fade, pictures = {}) {
      board.recall(values, fade);
      const playing = board.liveValues();
      for (const [key, value] of Object.entries(values)) if (!playing.has(key)) live.follow(key, value);
      for (const { key, widget } of references()) {
        const file = pictures[key];
        if (file === undefined || file === widget.value) continue;
        if (!widget.options?.values?.includes?.(file)) say(t("{file} is not in ComfyUI's input folder.", { file }), true);
        else if (live.follow(key, file) === file && playing.size) say(t("The reference picture changes with the next Run."));
      }
    },
    async share(bank) {
      for (const { error } of await board.givePresets(bank)) if (error) say(error, true);
    },
    check: (bank) => board.checkPresets(bank),
    say,
  });
  const osc = new Osc({
    fetch: (path, options) => api.fetchApi(path, options),
    secret,
    port: () => Number(setting(OSC_PORT)) || 0,
    *widgets() {
      for (const { key, node, widget } of live.all()) yield { key, node, name: widget.name };
    },
    say,
  });
  const controllers = new Controllers({
    *targets() {
      for (const { node, widget, holders } of live.all())
        yield { node, widget, move: (value) => live.move(node, widget, holders, value) };
    },
    graph,
    actions: Object.fromEntries(
      ACTIONS.map((name) => [name, () => app.extensionManager?.command.execute(`livestyle.${name}`)]),
    ),
    recall: (index) => presets.recall(index),
    say,
  });
  const modulation = new Modulation({
    *widgets() {
      for (const each of live.all()) if (isLive(each.node, each.widget.name)) yield each;
    },
    send: (key, modulator) => board.modulate(key, modulator),
  });
  board.onModulator = (key, modulator) => (modulator ? modulation.given(key, modulator) : modulation.taken(key));
  board.onModulators = (values, modulators) => modulation.meet(values, modulators);
  const microphone = new Microphone(
    (message) => board.hearSound(message),
    (error) => say(t("The microphone can't be heard: {reason}", { reason: reasonOf(error) }), true),
  );
  const listen = () => microphone.listen(modulation.needsMicrophone(board.liveValues()));
  modulation.watchers.add(listen);
  let listening = false;

  /** From the moment that the setting is on; a browser asks for permission once. @param {boolean} on */
  async function useControllers(on) {
    if (listening || !on) return;
    listening = true;
    const parser = new MidiParser((id) => controllers.isBound(id));
    const hear = (/** @type {import("./midi.mjs?v=0.3.0").Gesture | undefined} */ gesture) => {
      if (gesture && setting(CONTROLLERS)) controllers.hear(gesture);
    };
    const pads = new Gamepads({ getGamepads: () => navigator.getGamepads(), onGesture: hear });
    const look = () => {
      pads.poll();
      requestAnimationFrame(look);
    };
    look();
    if (!(await listenToMidi(navigator, (bytes) => hear(parser.parse(bytes))))) {
      say(t("The browser gives no MIDI to this page: allow it beside the page's address."), true);
    }
  }

  /** @param {string} node @param {"go" | "back" | "hold"} action @param {boolean} [on] */
  async function cue(node, action, on) {
    const { error } = (await board.cue(node, action, on)) ?? { error: t("Nothing plays.") };
    if (error) say(error);
  }

  /** In a window of its own that has this tab's secret, as only windows with an opener do. */
  function openAddresses() {
    window.open(api.apiURL("/livestyle/osc/addresses"), "_blank");
  }

  return {
    modulation,
    presets,

    /** What happens when a setting is about to change, and when the page loads.
     * @type {Record<string, {onChange: (value: any) => void}>} */
    watched: {
      [OSC_PORT]: { onChange: (port) => osc.sync(Number(port) || 0) },
      [CONTROLLERS]: { onChange: (on) => useControllers(Boolean(on)) },
    },

    /** Sessions began, ended, or have other live values. */
    onLive() {
      listen();
      if (!board.sessions.size) return;
      presets.share();
      osc.sync();
    },

    /** @param {any} request the body of POST /prompt */
    sendAlong(request) {
      modulation.sendAlong(request);
      presets.sendAlong(request);
    },

    /** @param {() => string} id of the node that writes */
    cuePanel: (id) => new CuePanel(presets, (action, on) => cue(id(), action, on)),

    /** Of the cues of a session: go, go back or wait. */
    cue,

    /** @param {() => string} id of the node that writes @param {HTMLElement} more stands in the row, too */
    presetBar(id, more) {
      const bar = new PresetBar(presets);
      bar.more = [more];
      bar.show();
      bar.picture = () => {
        const seen = board.sessionOf(id())?.shown?.result;
        return seen && thumbnail(seen);
      };
      bar.ask = (title, name) => app.extensionManager.dialog.prompt({ title, message: "", defaultValue: name });
      bar.onLearn = (index, name) => controllers.learnTrigger(`preset ${index}`, name);
      return bar;
    },

    /** @param {any} node @param {boolean} shows whether it shows a picture */
    menuOf(node, shows) {
      const names = liveNames(node).filter((name) => !node.widgets.find((/** @type {any} */ each) => each.name === name).hidden);
      const entries = shows ? presetMenu(presets) : [];
      if (names.length || !shows) entries.push(...oscMenu(node, names, osc, openAddresses));
      if (!setting(CONTROLLERS)) return entries;
      return [...entries, ...(shows ? triggerMenu(controllers) : []), ...controllerMenu(node, names, controllers)];
    },
  };
}
