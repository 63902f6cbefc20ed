// @ts-check
/**
 * The only file that ComfyUI loads as an extension; it connects the helpers to the editor.
 * The version in the helpers' addresses follows pyproject.toml: ComfyUI lets browsers cache them.
 */
import { app } from "../../../scripts/app.js";
import { api } from "../../../scripts/api.js";
import { BackgroundPanel } from "./background_panel.mjs?v=0.3.0";
import { CaptureView } from "./capture_view.mjs?v=0.3.0";
import { clientSecret, keepSecret, sendWithPrompts } from "./client_secret.mjs?v=0.3.0";
import { commandsFor } from "./commands.mjs?v=0.3.0";
import { receiptText } from "./format.mjs?v=0.3.0";
import { fitFirstView } from "./first_view.mjs?v=0.3.0";
import { executionId, liveNames, nodesInside } from "./graph.mjs?v=0.3.0";
import { addUploadButton, applyHalves, forgetUpload, MIX, writes } from "./halves.mjs?v=0.3.0";
import { tLine, translateDefinition, translateNode, translateTitle, translated, useLanguage } from "./i18n.mjs?v=0.3.0";
import { LiveMarks } from "./live_marks.mjs?v=0.3.0";
import { LiveWidgets } from "./live_widgets.mjs?v=0.3.0";
import { ModulatorPanel } from "./modulator_panel.mjs?v=0.3.0";
import { menuOf } from "./node_menu.mjs?v=0.3.0";
import { performOn } from "./perform.mjs?v=0.3.0";
import { labelPromoted } from "./promoted.mjs?v=0.3.0";
import { hideAdvanced, OLD_EDITOR } from "./rooms.mjs?v=0.3.0";
import { OVER, SessionBoard } from "./session_board.mjs?v=0.3.0";
import { FIRST_VIEW, LARGEST, SETTINGS, TRANSPORT } from "./settings.mjs?v=0.3.0";
import { Stage } from "./stage.mjs?v=0.3.0";
import { StatusLine } from "./status_line.mjs?v=0.3.0";
import { applyStyles } from "./styles.mjs?v=0.3.0";
import { takesOn } from "./takes.mjs?v=0.3.0";

const STAGE_NODES = new Set(["FrameStreamIO"]);
const VOLUME = "volume";
const LIVE_NODES = new Set(["MLLMEncode", "LoadStreamModel", "StreamDenoise", "TemporalLLLite", "FlowWarp", "KVCacheStyleSwitch"]);

await speak();

const secret = clientSecret();
sendWithPrompts(api, secret, (request) => perform.sendAlong(request));

const board = new SessionBoard({
  fetch: (path, options) => api.fetchApi(path, options),
  openSocket: (path) => new WebSocket(socketAddress(path)),
  idOf: executionId,
  workflow: () => (app.rootGraph ?? app.graph)?.id ?? "",
  // After a reload ComfyUI's own socket may still be connecting; the tab remembers who it was.
  secret,
  client: () => api.clientId ?? sessionStorage.getItem("clientId") ?? "",
  overWebRtc: () => setting(TRANSPORT) === "WebRTC",
  largest: () => setting(LARGEST) || Infinity,
  inApp: () => document.querySelector('[data-testid="linear-center-panel"]') !== null,
});
const marks = new LiveMarks();
const live = new LiveWidgets({
  idOf: executionId,
  send(key, value) {
    perform.modulation.taken(key);
    board.set(key, value);
  },
  values: () => board.liveValues(),
  onChange: (node, name) => marks.set(node, name, "waiting"),
});
const takes = takesOn({ api, live, say });
const perform = performOn({ app, api, board, live, secret, setting, say });
board.onLive = () => {
  live.refresh();
  perform.onLive();
};
const background = new BackgroundPanel({ list: () => board.list(), stop: (session) => board.end(session), away: () => board.away });
board.onSessions = () => {
  keepSecret(secret, [...board.sessions.values()].some((session) => session.background));
  background.refresh();
};
board.onFollow = (key, value) => live.follow(key, value);

/** @param {string} id of one of ComfyUI's settings or ours @returns {any} */
function setting(id) {
  return app.extensionManager?.setting.get(id);
}

/** Learn the page's language; before anything of ours is registered or shown. */
async function speak() {
  const answer = await api.fetchApi("/i18n");
  if (answer.ok) useLanguage(await answer.json(), setting("Comfy.Locale") ?? "en");
}

/** The text boxes of our nodes are the editor's: it shows what the server says, and then the same in the page's language.
 * @param {{nodeId: string, text: string, told?: boolean}} said */
function speakFor({ nodeId, text, told }) {
  const line = told || !board.hasViews(nodeId) ? text : tLine(text);
  if (line !== text) api.dispatchCustomEvent("progress_text", { nodeId, text: line, told: true });
}

/** @param {string} path below ComfyUI's own address */
function socketAddress(path) {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  return `${scheme}://${api.api_host}${api.api_base}${path}`;
}

function addStyle() {
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = new URL("../css/livestyle.css?v=0.3.0", import.meta.url).href;
  document.head.append(link);
}

/** Run ``extra`` after the object's own callback of that name.
 * @param {any} target @param {string} name @param {(...values: any[]) => void} extra */
function chain(target, name, extra) {
  const original = target[name];
  target[name] = function (/** @type {any[]} */ ...values) {
    const result = original?.apply(this, values);
    extra(...values);
    return result;
  };
}

/** Pixels around a widget of ours. */
const MARGIN = 4;
/** Width of a subgraph's node with a picture on it. */
const NARROWEST = 330;

/** A DOM widget that shows something and holds no value.
 * @param {any} node @param {string} name @param {any} view @param {() => number} height */
function addWidget(node, name, view, height) {
  const widget = node.addDOMWidget(name, `livestyle_${name}`, view.element, {
    serialize: false,
    hideOnZoom: false,
    hideInPanel: true, // it is no setting
    margin: MARGIN,
    getMinHeight: () => height() + 2 * MARGIN, // which the classic renderer takes off again
    getValue: () => "",
    setValue: () => {},
  });
  widget.serialize = false;
  view.onResize = () => {
    if (widget.hidden) return;
    node.setSize([node.size[0], node.computeSize()[1]]);
    node.graph?.setDirtyCanvas(true, true);
  };
}

/** The picture and buttons of a node that writes: on it, or on the subgraph's node around it.
 * @param {any} node @param {() => string} [id] of the node that writes @param {() => string[]} [ids] of all whose receipts it shows
 * @param {() => any} [writer] the node that writes */
function addStage(node, id = () => executionId(node), ids = () => [id()], writer = () => node) {
  const stage = new Stage({
    id,
    stop: () => board.stop(id()),
    restart: async () => {
      await board.stop(id());
      await app.queuePrompt(0, 1);
    },
    pause: (on) => board.pause(id(), on),
    step: () => board.step(id()),
    snapshot: () => board.snapshot(id()),
    record: (on) => board.record(id(), on),
    volume: () => /** @type {number | undefined} */ (board.liveValues().get(`${id()}.${VOLUME}`)),
    mute: () => mute(writer(), `${id()}.${VOLUME}`),
    copyShareLink: () => copyShareLink(id()),
    onMode: (mode) => {
      node.properties.livestyle_compare = mode;
      board.look(id());
    },
    onResult: (file) => {
      node.properties.livestyle_result = file;
    },
    viewURL: (file) => api.apiURL(`/view?${new URLSearchParams(file)}`),
  });
  stage.compare(setting(FIRST_VIEW));
  const cues = perform.cuePanel(id);
  const bar = perform.presetBar(id, cues.toggle);
  const { timeline, toggle } = takes.timelineOf(node, writer);
  stage.bar.append(toggle);
  const own = node === writer() ? new ModulatorPanel(node, [VOLUME], stage.status, perform.modulation) : undefined;
  if (own) board.addView(node, own);
  stage.element.append(...(own ? [own.element] : []), bar.element, cues.element, timeline.element);
  board.addView(node, { showState: ({ state }) => (toggle.hidden = !OVER.has(state) && timeline.element.hidden) }, ids);
  addWidget(node, "stage", stage, () => stage.height + (own?.opened ?? 0) + cues.height + timeline.height);
  const resize = () => stage.onResize();
  cues.onResize = timeline.onResize = resize;
  if (own) own.onResize = resize;
  board.addView(node, stage, ids);
  board.addView(node, cues, ids);
  const restore = () => {
    stage.compare(node.properties.livestyle_compare);
    stage.showResult(node.properties.livestyle_result);
    bar.show();
    cues.restore();
  };
  restore(); // a subgraph's node has its properties by now
  chain(node, "onConfigure", restore);
  chain(node, "onExecuted", (output) => stage.showResult(output?.video?.[0]));
  chain(node, "onRemoved", () => {
    stage.dispose();
    bar.dispose();
    cues.dispose();
    own?.dispose();
  });
}

/** Silence the sound of a node that writes, or give it the volume that it had. @param {any} node @param {string} key */
function mute(node, key) {
  const now = Number(board.liveValues().get(key));
  if (now > 0) node.properties.livestyle_volume = now;
  const wanted = now > 0 ? 0 : (node.properties.livestyle_volume ?? 1);
  perform.modulation.taken(key);
  board.set(key, wanted);
  live.follow(key, wanted);
}

/** Each instance of a subgraph shows what plays in it, on its own node. @param {any} holder */
function addInnerStage(holder) {
  const inside = () => nodesInside(holder);
  const writer = () => inside().find(({ node }) => node.comfyClass === "FrameStreamIO" && writes(node));
  if (!holder.graph || !writer()) return;
  addStage(holder, () => writer()?.id ?? "", () => inside().map(({ id }) => id), () => writer()?.node);
  const [width, height] = holder.computeSize();
  holder.setSize([Math.max(holder.size[0], width, NARROWEST), Math.max(holder.size[1], height)]);
}

/** @param {string} text @param {boolean} [bad] */
function say(text, bad = false) {
  const severity = bad ? "error" : "info";
  app.extensionManager?.toast.add({ severity, summary: "LiveStyle", detail: text, life: 5000 });
}

/** @param {string} id of a node @returns {Promise<string | undefined>} */
async function copyShareLink(id) {
  const path = await board.sharePath(id);
  if (!path) return undefined;
  const address = `${location.origin}${api.api_base}${path}`;
  await navigator.clipboard?.writeText(address).catch(() => {});
  return address;
}

/** The camera or screen that a read node asks this page for. @param {any} node */
function addCapture(node) {
  const capture = new CaptureView();
  addWidget(node, "capture", capture, () => capture.height);
  board.addView(node, { capture });
  capture.onChoice = () => {
    node.properties.livestyle_camera = capture.device;
    node.properties.livestyle_microphone = capture.microphone;
  };
  chain(node, "onConfigure", () => {
    capture.device = node.properties.livestyle_camera;
    capture.microphone = node.properties.livestyle_microphone;
  });
}

/** @param {any} node @param {string[]} [names] of the live widgets that it is about */
function addStatus(node, names = liveNames(node)) {
  const status = new StatusLine();
  const numbers = names.filter((name) => typeof widgetOf(node, name).value === "number");
  if (numbers.length) {
    const panel = new ModulatorPanel(node, numbers, status, perform.modulation);
    addWidget(node, "status", panel, () => panel.height);
    board.addView(node, panel);
    chain(node, "onRemoved", () => panel.dispose());
  } else addWidget(node, "status", status, () => 16);
  board.addView(node, status);
}

/** The marks on a node's live widgets. @param {any} node */
function addMarks(node) {
  const remark = () => marks.add(node);
  remark();
  chain(node, "onConfigure", remark);
  const follow = (/** @type {any} */ changed) => changed === node && remark();
  perform.modulation.watchers.add(follow);
  chain(node, "onRemoved", () => perform.modulation.watchers.delete(follow));
  board.addView(node, {
    showReceipt(receipt) {
      const name = receipt.key?.split(".").at(-1);
      if (receipt.type === "modulated") marks.set(node, name, "moved", receipt.value);
      else if (name) marks.set(node, name, receiptText(receipt).mood);
    },
    showState: ({ state }) => OVER.has(state) && remark(),
  });
}

/** @param {any} node @param {string} name */
function widgetOf(node, name) {
  return node.widgets.find((/** @type {any} */ widget) => widget.name === name);
}

/** Have the node follow what is connected to it; not before a saved graph has given it its links.
 * @param {any} node @param {() => void} update */
function followConnections(node, update) {
  let loaded = false;
  const follow = () => loaded && update();
  const load = () => {
    loaded = true;
    update();
  };
  chain(node, "onConnectionsChange", follow);
  chain(node, "onConfigure", () => (OLD_EDITOR ? load() : queueMicrotask(load)));
  setTimeout(load);
  return follow;
}

/** @param {any} node */
function watchHalves(node) {
  let saved = 0; // what a file's player needs is known only once it has loaded
  applyHalves(node, false);
  chain(node, "onConfigure", ({ size }) => {
    forgetUpload(node);
    saved = size?.[1] ?? 0;
    applyHalves(node, false);
  });
  const follow = followConnections(node, () => {
    applyHalves(node);
    if (saved > node.size[1]) node.setSize([node.size[0], saved]);
    saved = 0;
  });
  for (const widget of node.widgets) {
    if (["mode", "source", "target", "file", "path", "mix"].includes(widget.name)) chain(widget, "callback", follow);
  }
}

/** @param {any} node */
function watchStyles(node) {
  followConnections(node, () => {
    if (!applyStyles(node)) return;
    node.setSize([node.size[0], node.computeSize()[1]]);
    node.graph?.setDirtyCanvas(true, true);
  });
}

app.registerExtension({
  name: "livestyle",

  settings: translated(
    "settings",
    SETTINGS.map((each) => ({ ...each, ...perform.watched[each.id] })),
  ),
  ...commandsFor({
    board,
    presets: perform.presets,
    cue: perform.cue,
    showBackground: () => background.show(),
    say,
    play: () => app.queuePrompt(0, 1),
    selected: () => Object.values(app.canvas?.selected_nodes ?? {}).map((node) => executionId(node)),
  }),

  /** @param {any} node */
  getNodeMenuItems(node) {
    const kind = node.comfyClass;
    if (!STAGE_NODES.has(kind) && !LIVE_NODES.has(kind)) return [];
    const help = new URL(`../pages/help.html?node=${kind}`, import.meta.url).href;
    const openHelp = () => window.open(help, "_blank", "noopener");
    const shows = STAGE_NODES.has(kind);
    return [
      ...menuOf(executionId(node), shows, { board, say, copyShareLink, openHelp }),
      ...perform.menuOf(node, shows),
      ...(shows && writes(node) ? takes.menuOf(node) : []),
    ];
  },

  /** @param {any} graph as saved */
  beforeConfigureGraph(graph) {
    board.loading = true;
    if (OLD_EDITOR) fitFirstView(graph, app.canvas.canvas.getBoundingClientRect());
  },

  /** Other nodes are on the canvas. */
  async afterConfigureGraph() {
    await board.settle();
    await background.refresh();
  },

  /** @param {any} _type @param {any} definition */
  beforeRegisterNodeDef(_type, definition) {
    if (STAGE_NODES.has(definition.name) || LIVE_NODES.has(definition.name)) translateDefinition(definition);
    if (definition.name === "FrameStreamIO") addUploadButton(definition.input);
  },

  /** @param {any} node */
  nodeCreated(node) {
    const kind = node.comfyClass;
    if (STAGE_NODES.has(kind) || LIVE_NODES.has(kind)) {
      translateNode(node);
      chain(node, "onConfigure", () => translateTitle(node));
    }
    if (liveNames(node).length) {
      live.watch(node);
      chain(node, "onRemoved", () => live.forget(node));
      addMarks(node);
    }
    if (LIVE_NODES.has(kind)) {
      addStatus(node);
      hideAdvanced(node);
    }
    if (kind === "FrameStreamIO") {
      addStage(node);
      addCapture(node);
      addStatus(node, liveNames(node).filter((name) => MIX.has(name)));
      hideAdvanced(node);
      watchHalves(node);
    }
    if (kind === "KVCacheStyleSwitch") watchStyles(node);
    if (node.subgraph) {
      setTimeout(() => {
        labelPromoted(node);
        addInnerStage(node);
      }); // once it lies in a graph
    }
    chain(node, "onRemoved", () => {
      board.removeViews(node);
      background.refresh();
    });
  },

  async setup() {
    addStyle();
    document.body.append(background.element);
    api.addEventListener("livestyle.session", (/** @type {any} */ event) => board.hear(event.detail));
    api.addEventListener("progress_text", (/** @type {any} */ event) => speakFor(event.detail));
    await board.attach();
  },
});
