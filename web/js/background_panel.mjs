// @ts-check
/**
 * What plays in the background, in a corner of the page: it shows by itself while something plays that has no node on
 * the canvas, and when it is asked for.
 */
import { button, element } from "./elements.mjs?v=0.3.0";
import { t } from "./i18n.mjs?v=0.3.0";

const TICK_MS = 2000;
const GIB = 2 ** 30;

/**
 * @typedef {object} PanelHost
 * @property {() => Promise<any[]>} list running sessions, as the server lists them
 * @property {(session: {id: string, token: string}) => Promise<any>} stop
 * @property {() => boolean} away whether something of this page plays that no node on the canvas shows
 */

export class BackgroundPanel {
  /** @param {PanelHost} host */
  constructor(host) {
    this.host = host;
    this.asked = false;
    this.element = element("section", "livestyle-background");
    this.element.setAttribute("aria-label", t("Plays in the background"));
    this.element.hidden = true;
    this.rows = element("div", "livestyle-rows");
    const head = element("div", "livestyle-line");
    head.append(
      Object.assign(element("strong", ""), { textContent: t("Plays in the background") }),
      button("livestyle-close", "Close", "", () => this.show(false)),
    );
    this.element.append(head, this.rows);
  }

  /** Open it, or have it show by itself only. @param {boolean} [on] */
  show(on = true) {
    this.asked = on;
    this.closed = !on;
    this.refresh();
  }

  /** Sessions began or ended, or the canvas shows other nodes. */
  async refresh() {
    clearTimeout(this.timer);
    const away = this.host.away();
    if (!away) this.closed = false;
    this.element.hidden = !this.asked && !(away && !this.closed);
    if (this.element.hidden) return;
    const listed = await this.host.list().catch(() => []);
    const rows = listed.filter(({ background }) => background).map((each) => this.#row(each));
    if (!rows.length) rows.push(line(t("Nothing plays in the background.")));
    this.rows.replaceChildren(...rows);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.refresh(), TICK_MS);
  }

  /** @param {any} detail of a session */
  #row({ session, token, title, node, since, fps, memory }) {
    const row = line(
      [
        title || node,
        t("since {time}", { time: new Date(since * 1000).toLocaleTimeString() }),
        `${fps.toFixed(1)} fps`,
        memory >= GIB / 10 ? `${(memory / GIB).toFixed(1)} GB` : `${Math.round((memory / GIB) * 1024)} MB`,
      ].join(" \u00b7 "),
    );
    row.dataset.session = session;
    const stop = button("livestyle-stop", "Stop", "End the source; what has been made so far is kept and the graph goes on.", async () => {
      stop.disabled = true;
      await this.host.stop({ id: session, token });
      await this.refresh();
    });
    stop.hidden = !token; // another page's
    row.append(stop);
    return row;
  }
}

/** @param {string} text */
function line(text) {
  const made = element("div", "livestyle-line");
  made.append(Object.assign(element("span", ""), { textContent: text, title: text }));
  return made;
}
