// @ts-check
/**
 * Lets OSC in to this tab's sessions at the port in the settings, with what each widget's fader was taught.
 * A fader's address is kept with its node, in the workflow.
 */
import { t } from "./i18n.mjs?v=0.3.0";

/**
 * @typedef {object} OscHost
 * @property {(path: string, options?: any) => Promise<Response>} fetch
 * @property {string} secret of this tab
 * @property {() => number} port 0 for none
 * @property {() => Iterable<{key: string, node: any, name: string}>} widgets that may be live
 * @property {(text: string, bad?: boolean) => void} say
 */

export class Osc {
  /** @param {OscHost} host */
  constructor(host) {
    this.host = host;
    this.open = false;
  }

  /** Tell the server the port and the faders; nothing while OSC was never on.
   * @param {number} [port] which is about to be set */
  async sync(port = this.host.port()) {
    if (!port && !this.open) return;
    this.open = port > 0;
    const answer = await this.#post("", { port, learned: this.#learned() });
    if (!answer.ok) this.host.say(await answer.text(), true);
  }

  /** Bind the next fader that is moved to a widget. @param {any} node @param {string} name of the widget */
  async learn(node, name) {
    if (!this.open) return this.host.say(t("OSC is off: choose its port in the settings, under LiveStyle."), true);
    this.host.say(t("Move a fader within 30 seconds: it will move {name}.", { name }));
    const answer = await this.#post("/learn");
    const { address } = answer.ok ? await answer.json() : { address: null };
    if (!address) return this.host.say(t("No fader was moved."), true);
    node.properties.livestyle_osc = { ...node.properties.livestyle_osc, [name]: address };
    await this.sync();
    this.host.say(t("{address} moves {name} now.", { address, name }));
  }

  /** @param {any} node @param {string} name of a widget */
  async forget(node, name) {
    delete node.properties.livestyle_osc[name];
    await this.sync();
  }

  /** Addresses of a controller by key. @returns {Record<string, string>} */
  #learned() {
    /** @type {Record<string, string>} */
    const learned = {};
    for (const { key, node, name } of this.host.widgets()) {
      const address = node.properties?.livestyle_osc?.[name];
      if (address) learned[key] = address;
    }
    return learned;
  }

  /** @param {string} path @param {object} body */
  #post(path, body = {}) {
    return this.host.fetch(`/livestyle/osc${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-LiveStyle": "1", "X-LiveStyle-Client-Secret": this.host.secret },
      body: JSON.stringify(body),
    });
  }
}

/** The entries of a node's menu. @param {any} node @param {string[]} names of its live widgets
 * @param {Osc} osc @param {() => void} openAddresses */
export function oscMenu(node, names, osc, openAddresses) {
  const known = node.properties?.livestyle_osc ?? {};
  const entries = names.map((name) =>
    known[name]
      ? { content: t("Forget {address} for {name}", { address: known[name], name }), callback: () => osc.forget(node, name) }
      : { content: t("Learn an OSC fader for {name}", { name }), callback: () => osc.learn(node, name) },
  );
  return [...entries, { content: t("OSC addresses"), callback: openAddresses }];
}
