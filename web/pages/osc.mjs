// @ts-check
/** Lists the OSC addresses of the tab that opened this page: its secret comes along in sessionStorage. */

const PERIOD_MS = 500;
const headers = { "X-LiveStyle": "1", "X-LiveStyle-Client-Secret": sessionStorage.getItem("livestyle.clientSecret") ?? "" };

/** @param {string} id @returns {HTMLElement} */
const part = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** @param {string} name @param {string} [text] @param {HTMLElement[]} [children] */
function element(name, text = "", children = []) {
  const made = document.createElement(name);
  if (children.length) made.append(...children);
  else made.textContent = text;
  return made;
}

/** @param {any} control */
function row({ address, kind, minimum, maximum, value, learned }) {
  const range = kind === "text" ? `up to ${maximum} characters` : `${minimum ?? ""} to ${maximum ?? ""}`;
  const shown = typeof value === "number" ? String(Math.round(value * 1000) / 1000) : value;
  return element("tr", "", [address, kind, range, shown, learned ?? ""].map((text) => element("td", text)));
}

async function show() {
  const answer = await fetch("../osc", { headers }).catch(() => undefined);
  if (!answer?.ok) {
    part("port").textContent = answer?.status === 401
      ? "Open this page from ComfyUI: right-click a LiveStyle node and choose OSC addresses."
      : "ComfyUI does not answer.";
  } else {
    const { host, port, controls, subscribers, warnings, problems } = await answer.json();
    const playing = controls.length ? "" : " Nothing plays: addresses come with a run.";
    part("port").textContent = port
      ? `OSC is received at ${host}:${port}.${playing}${subscribers.length ? ` Changes go to ${subscribers.join(", ")}.` : ""}`
      : `OSC is off: choose a port in ComfyUI's settings, under LiveStyle.${playing}`;
    part("notes").replaceChildren(...[...warnings, ...problems].map((line) => element("li", line)));
    part("controls").replaceChildren(...controls.map(row));
  }
  setTimeout(show, PERIOD_MS);
}

show();
