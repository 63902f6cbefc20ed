// @ts-check
/** Texts on the node. */

/** @param {any} state a "state" message @param {any} [telemetry] @returns {string} */
export function metersText(state, telemetry) {
  const parts = [state.stage ? `${state.state}: ${state.stage}` : state.state];
  if (state.done) parts.push(state.total ? `${state.done}/${state.total}` : `${state.done} frames`);
  if (state.fps) parts.push(`${state.fps.toFixed(1)} fps`);
  if (state.eta != null && state.state === "running") parts.push(`${duration(state.eta)} left`);
  if (telemetry) parts.push(...telemetryParts(telemetry));
  return parts.join(" \u00b7 ");
}

/** @param {any} telemetry @returns {string[]} */
function telemetryParts(telemetry) {
  const stages = Object.entries(telemetry.stages ?? {}).map(([name, stage]) => `${name} ${Math.round(stage.mean_ms)}`);
  const waiting = Object.values(telemetry.queues ?? {}).reduce((sum, depth) => sum + depth, 0);
  const parts = [];
  if (stages.length) parts.push(`${stages.join(", ")} ms`);
  if (waiting) parts.push(`queue ${waiting}`);
  if (telemetry.latency_ms?.p50) parts.push(`latency ${Math.round(telemetry.latency_ms.p50)} ms`);
  return parts;
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
  const name = String(receipt.key ?? "").split(".").at(-1);
  if (receipt.type === "received") return { text: `${name}: received`, mood: "waiting" };
  if (receipt.type === "applied") {
    const facts = ["applied", `frame ${receipt.frame}`, `${Math.round(receipt.ms)} ms`];
    return { text: `${name}: ${facts.join(" \u00b7 ")}`, mood: "done" };
  }
  return { text: receipt.message ?? "", mood: "bad" };
}
