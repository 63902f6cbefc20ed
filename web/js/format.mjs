// @ts-check
/** Texts on the node. */
import { labelOf, t, tLine } from "./i18n.mjs?v=0.3.0";

/** @typedef {{name: string, text: string, title: string}} Meter */

/** What is known of a running session, one entry a meter, in the order in which they are shown.
 * @param {any} state a "state" message @param {any} [telemetry] @returns {Meter[]} */
export function meters(state, telemetry) {
  const { first = [], rest = [], details = [] } = telemetry ? telemetryMeters(telemetry) : {};
  const shown = [
    state.state !== "running" && meter("state", state.stage ? `${t(state.state)}: ${tLine(state.stage)}` : t(state.state), ""),
    state.fps && meter("fps", `${state.fps.toFixed(1)} fps`, t("Frames a second, lately")),
    ...first,
    state.done && meter("frames", state.total ? `${state.done}/${state.total}` : t("{n} frames", { n: state.done }), t("Frames done")),
    state.eta != null && state.state === "running" && meter("eta", t("{time} left", { time: duration(state.eta) }), t("Time to go")),
    ...rest,
    details.length && meter("details", t("Details"), details.join("\n")),
  ];
  return shown.filter(Boolean);
}

/** What is told of every picture, of some, and only where the pointer rests.
 * @param {any} telemetry @returns {{first: any[], rest: any[], details: string[]}} */
function telemetryMeters(telemetry) {
  const stages = Object.entries(telemetry.stages ?? {}).map(([name, stage]) => `${t(name)} ${Math.round(stage.mean_ms)}`);
  const waiting = Object.values(telemetry.queues ?? {}).reduce((sum, depth) => sum + depth, 0);
  const glass = telemetry.glass_to_glass_ms ?? telemetry.latency_ms;
  const p95 = glass?.p95 ? `, ${t("95 in 100 within {ms} ms", { ms: Math.round(glass.p95) })}` : "";
  const drops = telemetry.source_drops;
  const details = [
    stages.length && `${t("Milliseconds a chunk spends in each stage")}: ${stages.join(", ")}`,
    waiting && `${t("Frames that wait between the stages")}: ${waiting}`,
    telemetry.memory_mb && `${t("Memory of ComfyUI's process")}: ${Math.round(telemetry.memory_mb)} MB`,
  ];
  return {
    first: [glass?.p50 && meter("latency", t("latency {ms} ms", { ms: Math.round(glass.p50) }), `${t("From the camera to this screen")}${p95}`)],
    rest: [
      drops && meter("drops", t("drops {n}", { n: drops }), t("Frames of live sources that were skipped to stay in time")),
      ...readouts(telemetry),
    ],
    details: details.filter((line) => typeof line === "string"),
  };
}

/** What the models show of their own decisions, such as "window 8".
 * @param {any} telemetry @returns {Meter[]} */
function readouts(telemetry) {
  return Object.entries(telemetry.readouts ?? {}).flatMap(([node, shown]) =>
    Object.entries(shown).map(([name, text]) => meter(`${name}-${node}`, `${t(name)} ${text}`, t(READOUTS[name] ?? ""))),
  );
}

/** What the readouts mean. @type {Record<string, string>} */
const READOUTS = {
  window: "Latent frames (four pictures each) that the model looks at together; 5 of 8: so many are there yet",
  worker: "The machine and the process that the model runs in",
  crossing: "What a chunk takes from one device to another, on average",
};

/** @param {string} name @param {string} text @param {string} title @returns {Meter} */
function meter(name, text, title) {
  return { name, text, title };
}

/** What the live sources and targets have to say; empty where all is well.
 * @param {any} telemetry @returns {string} */
export function notes(telemetry) {
  const ends = [...Object.values(telemetry?.sources ?? {}), ...Object.values(telemetry?.targets ?? {})];
  return ends.map((end) => tLine(end.note ?? "")).filter(Boolean).join(" \u00b7 ");
}

/** @param {number} seconds @returns {string} for example "1:05" or "12 s" */
export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** What a receipt says on the node, and in which colour.
 * @param {any} receipt @returns {{text: string, mood: "waiting" | "done" | "bad"}} */
export function receiptText(receipt) {
  const name = labelOf(String(receipt.key ?? "").split(".").at(-1) ?? "");
  if (receipt.type === "received") return { text: `${name}: ${t("received")}`, mood: "waiting" };
  if (receipt.type === "applied") {
    const facts = [t("applied"), t("frame {n}", { n: receipt.frame }), `${Math.round(receipt.ms)} ms`];
    return { text: `${name}: ${facts.join(" \u00b7 ")}`, mood: "done" };
  }
  if (receipt.type === "modulated") return { text: `${name}: \u223f ${receipt.value.toFixed(2)}`, mood: "done" };
  if (receipt.type === "gliding") return { text: `${name}: ${receipt.value.toFixed(2)}`, mood: "waiting" };
  if (receipt.type === "scheduled") {
    return { text: `${name}: ${receipt.value} \u00b7 ${t("scheduled")} \u00b7 ${t("frame {n}", { n: receipt.frame })}`, mood: "done" };
  }
  return { text: tLine(receipt.message ?? ""), mood: "bad" };
}
