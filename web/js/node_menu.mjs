// @ts-check
/** What a right click on a node of ours offers beside ComfyUI's own. */
import { saveFrame } from "./commands.mjs?v=0.3.0";
import { t } from "./i18n.mjs?v=0.3.0";

/**
 * @typedef {object} MenuHost
 * @property {import("./session_board.mjs?v=0.3.0").SessionBoard} board
 * @property {(text: string, bad?: boolean) => void} say
 * @property {(id: string) => Promise<string | undefined>} copyShareLink gives what was copied
 * @property {() => void} openHelp
 */

/** The entries for one node, in ComfyUI's form; null is a line between them.
 * @param {string} id of the node @param {boolean} shows whether it shows a picture @param {MenuHost} host */
export function menuOf(id, shows, host) {
  const session = host.board.sessionOf(id);
  const records = Boolean(session?.recorders.includes(id));
  const recording = Boolean(session?.recording(id));
  const picture = [
    { content: t("Save this frame"), disabled: !session, callback: () => saveFrame(host, id) },
    {
      content: recording ? t("Stop recording") : t("Start recording"),
      disabled: !records,
      callback: () => host.board.record(id, !recording),
    },
    { content: t("Copy link for OBS"), callback: () => copyLink(id, host) },
  ];
  return [null, ...(shows ? picture : []), { content: t("Open help"), callback: () => host.openHelp() }];
}

/** @param {string} id @param {MenuHost} host */
async function copyLink(id, { copyShareLink, say }) {
  const address = await copyShareLink(id);
  if (address) say(t("Copied for OBS: {address}", { address }));
  else say(t("There is no link yet: run the graph once."), true);
}
