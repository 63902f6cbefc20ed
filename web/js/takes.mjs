// @ts-check
/** Takes on the canvas: choosing one to play, and its timeline under the picture of the node that writes. */
import { button } from "./elements.mjs?v=0.3.0";
import { t } from "./i18n.mjs?v=0.3.0";
import { TakeTimeline } from "./take_timeline.mjs?v=0.3.0";

const PAGE = { "X-LiveStyle": "1" };

/**
 * @typedef {object} TakesHost
 * @property {any} api ComfyUI's
 * @property {import("./live_widgets.mjs?v=0.3.0").LiveWidgets} live
 * @property {(text: string, bad?: boolean) => void} say
 */

/** How a widget names a file that ``/view`` names like this.
 * @param {{filename: string, subfolder?: string, type?: string}} file */
export function annotated({ filename, subfolder, type = "output" }) {
  return `${subfolder ? `${subfolder}/` : ""}${filename} [${type}]`;
}

/** Without the ring of a live one. @param {any} widget @returns {string} */
function label({ label: shown, name }) {
  return (shown ?? name).replace(/ [^\p{L}\p{N})]$/u, "");
}

/** @param {TakesHost} host */
export function takesOn({ api, live, say }) {
  const widgetOf = (/** @type {any} */ node) => node?.widgets?.find((/** @type {any} */ widget) => widget.name === "take");
  const lastOf = (/** @type {any} */ node) => node?.properties?.livestyle_result?.take;

  /** Have the next Run play a take; none with an empty name. @param {any} node @param {string} file */
  function choose(node, file) {
    const widget = widgetOf(node);
    if (!widget) return;
    widget.value = file;
    widget.callback?.(file);
    node.graph?.setDirtyCanvas?.(true, false);
    say(file ? t("The next Run plays {file}.", { file }) : t("The next Run plays no take."));
  }

  /** @param {string} path @param {object} [options] @returns {Promise<any>} or {error} */
  async function ask(path, options) {
    const answer = await api.fetchApi(path, { headers: PAGE, ...options });
    return answer.ok ? answer.json() : { error: await answer.text() };
  }

  /** @param {any} node */
  function load(node) {
    const input = document.createElement("input");
    Object.assign(input, { type: "file", accept: ".jsonl" });
    input.addEventListener("change", async () => {
      const file = input.files?.[0];
      if (!file) return;
      const body = new FormData();
      body.append("image", file); // ComfyUI's name for any file
      body.append("subfolder", "livestyle");
      const { name, subfolder, type, error } = await ask("/upload/image", { method: "POST", headers: {}, body });
      if (error) return say(error, true);
      const chosen = annotated({ filename: name, subfolder, type });
      const take = await ask(`/livestyle/takes?file=${encodeURIComponent(chosen)}`);
      if (take.error) say(take.error, true);
      else choose(node, chosen);
    });
    input.click();
  }

  return {
    /** The lanes under a picture, and the button that shows them. @param {any} node that has the picture
     * @param {() => any} writer the node that writes */
    timelineOf(node, writer) {
      const timeline = new TakeTimeline({
        file: () => widgetOf(writer())?.value || (lastOf(node) ? annotated(lastOf(node)) : ""),
        read: (file) => ask(`/livestyle/takes?file=${encodeURIComponent(file)}`),
        write: (body) =>
          ask("/livestyle/takes", {
            method: "POST",
            headers: { ...PAGE, "Content-Type": "application/json" },
            body: JSON.stringify(body),
          }),
        onSaved: (file) => choose(writer(), annotated(file)),
        nameOf(key) {
          const found = [...live.all()].find((each) => each.key === key);
          return found ? `${found.node.title} · ${label(found.widget)}` : key;
        },
      });
      const toggle = button("livestyle-take-toggle", "Take", "What was moved in the take, to look at and to edit.", () =>
        timeline.toggle(),
      );
      return { timeline, toggle };
    },

    /** @param {any} node */
    menuOf(node) {
      const last = lastOf(node);
      return [
        { content: t("Play the last take again"), disabled: !last, callback: () => choose(node, annotated(last)) },
        { content: t("Load take"), callback: () => load(node) },
        { content: t("Play no take"), disabled: !widgetOf(node)?.value, callback: () => choose(node, "") },
      ];
    },
  };
}
