import assert from "node:assert/strict";
import { test } from "node:test";
import { LiveWidgets } from "../../../web/js/live_widgets.mjs?v=0.3.0";
import { SessionBoard } from "../../../web/js/session_board.mjs?v=0.3.0";

globalThis.document = { hidden: false, addEventListener() {}, removeEventListener() {} };
globalThis.requestAnimationFrame = (run) => run();
globalThis.createImageBitmap = async () => ({ width: 4, height: 2, close() {} });

const DETAIL = { session: "s1", token: "t 1", node: "5", nodes: ["4", "5"], state: "loading", live: [] };

function makeBoard(answer = () => ({ ok: true, json: async () => ({ sessions: [DETAIL] }) })) {
  const sockets = [];
  const requests = [];
  const board = new SessionBoard({
    fetch: async (path, options) => {
      requests.push([path, options]);
      const answered = answer();
      if (answered instanceof Error) throw answered;
      return answered;
    },
    openSocket: (path) => {
      const socket = { path, readyState: 1, sent: [], closed: false };
      socket.send = (text) => socket.sent.push(JSON.parse(text));
      socket.close = () => (socket.closed = true);
      sockets.push(socket);
      return socket;
    },
    idOf: (node) => node.id,
    workflow: () => "w",
    secret: "s3cret",
    client: () => "tab",
    overWebRtc: () => false,
    largest: () => Infinity,
    inApp: () => false,
  });
  return { board, sockets, requests };
}

const hear = (socket, message) => socket.onmessage({ data: JSON.stringify(message) });

function frame(number) {
  const header = new TextEncoder().encode(JSON.stringify({ frame: number }));
  const bytes = new Uint8Array(4 + header.length);
  new DataView(bytes.buffer).setUint32(0, header.length);
  bytes.set(header, 4);
  return bytes.buffer;
}

test("a session is connected once, with its token", () => {
  const { board, sockets } = makeBoard();
  board.announce(DETAIL);
  board.announce(DETAIL);
  assert.deepEqual(sockets.map((socket) => socket.path), ["/livestyle/sessions/s1/ws?token=t%201"]);
});

test("a take that is played is not ended by the modulator that a node keeps", () => {
  const { board, sockets } = makeBoard();
  const met = [];
  board.onModulators = (values) => met.push([...values.keys()]);
  board.announce(DETAIL);
  hear(sockets[0], { type: "live", values: { "4.strength": 1, "4.seed": 7 }, modulators: {}, played: ["4.strength"] });
  hear(sockets[0], { type: "live", values: { "4.strength": 1, "4.seed": 7 }, modulators: {}, played: [] });
  assert.deepEqual(met, [["4.seed"], ["4.strength", "4.seed"]]);
});

test("a reloaded page finds its sessions", async () => {
  const { board, sockets, requests } = makeBoard();
  await board.attach();
  assert.equal(requests[0][0], "/livestyle/sessions");
  assert.deepEqual(requests[0][1].headers, { "X-LiveStyle": "1", "X-LiveStyle-Client-Secret": "s3cret" });
  assert.equal(sockets.length, 1);
});

test("an event opens a session only where the server knows it as this page's", async () => {
  const others = { ...DETAIL, session: "s2", token: "" };
  const answer = () => ({ ok: true, json: async () => ({ sessions: [others, DETAIL] }) });
  const { board, sockets } = makeBoard(answer);
  await board.hear({ ...others, token: "from who queued in this tab's name" });
  assert.equal(sockets.length, 0);
  await board.hear({ ...DETAIL, token: "" });
  assert.deepEqual(sockets.map((socket) => socket.path), ["/livestyle/sessions/s1/ws?token=t%201"]);
});

test("a session that ended while its token was fetched stays ended", async () => {
  const { board, sockets } = makeBoard();
  const shown = [];
  board.addView({ id: "5" }, { showState: ({ state }) => shown.push(state) });
  const begun = board.hear({ ...DETAIL, token: "" });
  await board.hear({ ...DETAIL, state: "done", token: "" });
  await begun;
  assert.deepEqual([sockets.length, shown], [0, ["done"]]);
});

test("the address for OBS is asked for in the tab's name", async () => {
  const { board, requests } = makeBoard();
  await board.sharePath("5:1");
  assert.equal(requests[0][0], "/livestyle/watch?node=5%3A1&client=tab");
});

test("credit is given for every frame that was drawn", async (context) => {
  const { board, sockets } = makeBoard();
  const drawn = [];
  board.addView({ id: "5" }, { showFrame: ({ header }) => drawn.push(header.frame), sight: () => ({ shown: 300 }) });
  board.addView({ id: "77" }, { showFrame: () => assert.fail("another session's node") });
  board.announce(DETAIL);
  const [socket] = sockets;
  socket.onopen();
  context.after(() => board.announce({ ...DETAIL, state: "done" }));
  const credits = () => socket.sent.filter((message) => message.type === "credit").reduce((sum, { n }) => sum + n, 0);
  assert.equal(credits(), 2);
  assert.ok(socket.sent.some(({ type }) => type === "preview"));
  for (const number of [0, 1, 2]) {
    await socket.onmessage({ data: frame(number) });
    await new Promise((done) => setImmediate(done));
  }
  assert.deepEqual(drawn, [0, 1, 2]);
  assert.equal(credits(), 5);
});

test("receipts go to the node that owns the key", () => {
  const { board, sockets } = makeBoard();
  const heard = [];
  board.addView({ id: "4" }, { showReceipt: (receipt) => heard.push(receipt.type) });
  board.addView({ id: "5" }, { showReceipt: () => assert.fail("another node's key") });
  board.announce(DETAIL);
  hear(sockets[0], { type: "received", key: "4.strength", seq: 1 });
  hear(sockets[0], { type: "applied", key: "4.strength", seq: 1, frame: 3, ms: 5 });
  assert.deepEqual(heard, ["received", "applied"]);
});

test("the end shows the files on their nodes and forgets the session", () => {
  const { board } = makeBoard();
  const shown = [];
  board.addView({ id: "5" }, { showResult: (file) => shown.push(file.filename), showState: ({ state }) => shown.push(state) });
  board.announce(DETAIL);
  board.announce({ ...DETAIL, state: "cancelled", token: "", files: { 5: { filename: "a.mp4" } } });
  assert.deepEqual(shown, ["loading", "cancelled", "a.mp4"]);
  assert.equal(board.sessions.size, 0);
});

test("a new session of a node takes the place of one whose end was never told", async () => {
  const { board, sockets, requests } = makeBoard();
  const shown = [];
  board.addView({ id: "3" }, { showState: ({ state }) => shown.push(["3", state]) });
  board.addView({ id: "4" }, { showState: ({ state }) => shown.push(["4", state]) });
  board.announce({ ...DETAIL, nodes: ["3", "4", "5"] });
  board.announce({ ...DETAIL, session: "other", node: "9", nodes: ["9"] });
  board.announce({ ...DETAIL, session: "s2", token: "t2" });
  assert.deepEqual([...board.sessions.keys()], ["other", "s2"]);
  assert.deepEqual(sockets.map(({ closed }) => closed), [true, false, false]);
  assert.deepEqual(shown, [["3", "loading"], ["4", "loading"], ["3", "cancelled"], ["4", "cancelled"], ["4", "loading"]]);
  await board.stop("5");
  assert.equal(requests[0][0], "/livestyle/sessions/s2/stop");
});

test("a session that a restarted server does not know is given up", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const answers = [new Error("refused"), { ok: false }, { ok: true, json: async () => ({ sessions: [] }) }];
  const { board, sockets, requests } = makeBoard(() => answers.shift());
  const shown = [];
  board.addView({ id: "5" }, { showState: ({ state }) => shown.push(state) });
  board.announce(DETAIL);
  const settle = () => new Promise((done) => setImmediate(done));
  const again = async () => {
    sockets.at(-1).onclose({ code: 1006 });
    await settle();
    context.mock.timers.tick(1000);
  };
  sockets[0].onopen();
  await again();
  assert.deepEqual([sockets.length, requests.length], [2, 0]); // lost for the first time: it may come back
  await again();
  await again();
  assert.deepEqual([sockets.length, board.sessions.size, shown], [4, 1, ["loading"]]); // nothing known yet
  await again();
  assert.deepEqual([sockets.length, board.sessions.size, shown], [4, 0, ["loading", "cancelled"]]);
  assert.deepEqual(requests.map(([path]) => path), Array(3).fill("/livestyle/sessions"));
});

test("a session that still runs is waited for", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const { board, sockets } = makeBoard();
  board.announce(DETAIL);
  sockets[0].onclose({ code: 1006 });
  await new Promise((done) => setImmediate(done));
  context.mock.timers.tick(1000);
  assert.deepEqual([sockets.length, board.sessions.size], [2, 1]);
});

test("stop sends the token in a JSON body", async () => {
  const { board, requests } = makeBoard();
  board.announce(DETAIL);
  await board.stop("4");
  const [path, options] = requests[0];
  assert.equal(path, "/livestyle/sessions/s1/stop");
  assert.equal(options.method, "POST");
  assert.deepEqual(JSON.parse(options.body), { token: "t 1" });
  await board.stop("another");
  assert.equal(requests.length, 1);
});

test("a widget's change is sent, and only where it is live", (context) => {
  const { board, sockets } = makeBoard();
  const widget = { name: "strength", value: 1 };
  const other = { name: "steps", value: 1 };
  const node = { id: "4", widgets: [widget, other] };
  const live = new LiveWidgets({ idOf: (each) => each.id, send: (...change) => board.set(...change), values: () => board.liveValues() });
  board.onLive = () => live.refresh();
  context.after(() => clearInterval(live.timer));
  live.watch(node);
  board.announce(DETAIL);
  const changes = () => sockets[0].sent.filter((message) => message.type === "set");
  widget.value = 0.5;
  widget.callback(0.5);
  assert.deepEqual(changes(), []); // not live yet
  hear(sockets[0], { type: "live", values: { "4.strength": 1 } });
  assert.deepEqual(changes().map(({ key, value }) => [key, value]), [["4.strength", 0.5]]); // caught up
  other.value = 3;
  other.callback(3);
  assert.equal(changes().length, 1);
});

test("a value that no callback told of is found by comparing; a linked widget's is not sent", (context) => {
  const { board, sockets } = makeBoard();
  const seed = { name: "seed", value: 0 };
  const strength = { name: "strength", value: 1 };
  const node = { id: "4", widgets: [seed, strength], inputs: [{ widget: { name: "strength" } }], isInputConnected: () => true, graph: { links: new Map() } };
  const live = new LiveWidgets({ idOf: (each) => each.id, send: (...change) => board.set(...change), values: () => board.liveValues() });
  board.onLive = () => live.refresh();
  context.after(() => clearInterval(live.timer));
  live.watch(node);
  board.announce(DETAIL);
  hear(sockets[0], { type: "live", values: { "4.seed": 0, "4.strength": 0.3 } });
  seed.value = 42;
  live.compareAll();
  live.compareAll();
  const changes = sockets[0].sent.filter((message) => message.type === "set");
  assert.deepEqual(changes.map(({ key, value }) => [key, value]), [["4.seed", 42]]);
});

test("a widget follows what others write, unless a change of its own is on its way", (context) => {
  const { board, sockets } = makeBoard();
  const widget = { name: "strength", value: 1 };
  const node = { id: "4", widgets: [widget] };
  const live = new LiveWidgets({ idOf: (each) => each.id, send: (...change) => board.set(...change), values: () => board.liveValues() });
  board.onLive = () => live.refresh();
  board.onFollow = (...change) => live.follow(...change);
  context.after(() => clearInterval(live.timer));
  live.watch(node);
  board.announce(DETAIL);
  const received = (value, seq) => hear(sockets[0], { type: "received", key: "4.strength", value, seq });
  hear(sockets[0], { type: "live", values: { "4.strength": 1 } });
  received(0.25);
  assert.equal(widget.value, 0.25);
  live.compareAll();
  const sent = () => sockets[0].sent.filter(({ type }) => type === "set").map(({ value, seq }) => [value, seq]);
  assert.deepEqual(sent(), []); // it is not sent back
  widget.value = 0.75;
  widget.callback(0.75);
  received(0.5); // reached the server before ours, which is the latest
  assert.equal(widget.value, 0.75);
  received(0.75, 1);
  received(0.5);
  assert.equal(widget.value, 0.5);
  assert.deepEqual(sent(), [[0.75, 1]]);
});

test("what a widget makes of others' values is not sent back", (context) => {
  const { board, sockets } = makeBoard();
  const told = [];
  const widget = { name: "strength", value: 1 };
  widget.callback = (value) => {
    told.push(value);
    widget.value = Math.round(value * 100) / 100; // as ComfyUI's numbers do
  };
  const node = { id: "4", widgets: [widget] };
  const live = new LiveWidgets({ idOf: (each) => each.id, send: (...change) => board.set(...change), values: () => board.liveValues() });
  board.onLive = () => live.refresh();
  board.onFollow = (...change) => live.follow(...change);
  context.after(() => clearInterval(live.timer));
  live.watch(node);
  board.announce(DETAIL);
  hear(sockets[0], { type: "live", values: { "4.strength": 1 } });
  hear(sockets[0], { type: "received", key: "4.strength", value: 0, fade: 2 }); // a glide begins where it is
  assert.equal(widget.value, 1);
  hear(sockets[0], { type: "gliding", key: "4.strength", value: 0.4567 });
  live.compareAll();
  assert.deepEqual([widget.value, told], [0.46, [0.4567]]);
  assert.deepEqual(sockets[0].sent.filter(({ type }) => type === "set"), []);
});

test("what plays for another workflow neither shows here nor follows the widgets", async () => {
  const away = { ...DETAIL, background: true, workflow: "another", nodes: ["4", "5"] };
  const { board, sockets } = makeBoard(() => ({ ok: true, json: async () => ({ sessions: [away] }) }));
  const shown = [];
  board.addView({ id: "5" }, { showState: ({ state }) => shown.push(state) });
  await board.attach();
  hear(sockets[0], { type: "live", values: { "4.strength": 0.5 } });
  hear(sockets[0], { type: "state", state: "running" });
  board.set("4.strength", 1);
  assert.deepEqual([shown, board.liveValues().size, board.sessionOf("5"), board.away], [[], 0, undefined, true]);
  board.announce({ ...away, session: "s0", background: false, state: "done", files: { 5: { filename: "a.mp4" } } });
  assert.deepEqual(shown, []);
  board.announce({ ...DETAIL, session: "s2", workflow: "w" });
  assert.deepEqual([[...board.sessions.keys()], shown], [["s1", "s2"], ["loading"]]); // both nodes are number 5
});

test("the widgets of a loaded graph show what plays in the background", async () => {
  const found = { ...DETAIL, state: "running", background: true, workflow: "w" };
  const { board, sockets } = makeBoard(() => ({ ok: true, json: async () => ({ sessions: [found] }) }));
  const told = [];
  board.onFollow = (key, value) => told.push([key, value]) && value;
  await board.attach();
  hear(sockets[0], { type: "live", values: { "4.strength": 0.5 } });
  assert.deepEqual(told, [["4.strength", 0.5]]);
  board.loading = true;
  assert.equal(board.liveValues().size, 0);
  await board.settle();
  assert.deepEqual(told[1], ["4.strength", 0.5]);
  assert.deepEqual([sockets.length, board.away], [1, true]); // no node of it is on the canvas
});
