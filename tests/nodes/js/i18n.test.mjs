import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { notes, receiptText } from "../../../web/js/format.mjs?v=0.3.0";
import { labelOf, tLine, useLanguage } from "../../../web/js/i18n.mjs?v=0.3.0";

const read = (language, file) => JSON.parse(readFileSync(new URL(`../../../locales/${language}/${file}.json`, import.meta.url), "utf8"));
const locales = Object.fromEntries(["en", "fr"].map((each) => [each, { ...read(each, "main"), nodeDefs: read(each, "nodeDefs") }]));

test.afterEach(() => useLanguage({}, "en"));

test("the server's lines are found by their pattern, their gaps, too", () => {
  useLanguage(locales, "fr-CA");
  assert.equal(tLine("Loading demo-image"), "Chargement de demo-image");
  assert.equal(
    tLine("Holding the last picture: browser camera: the page that sends it is gone"),
    "Derni\u00e8re image maintenue : cam\u00e9ra du navigateur : la page qui envoie n'est plus l\u00e0",
  );
  assert.equal(tLine("strength is 3: use 2.0 or less."), "Force du style vaut 3 : prenez 2.0 ou moins.");
  assert.match(tLine("mllm_edit: 80 MB of weights in float32 (unet 52 MB); 9.1 GB free"), /^mllm_edit : 80 MB de poids .* libres$/);
  assert.equal(
    tLine("Of 2 sound tracks, number 2 is played: its default. Transparent parts are shown over the background colour."),
    "Sur 2 pistes (son), la 2 est jou\u00e9e : celle par d\u00e9faut. Les parties transparentes sont montr\u00e9es sur la couleur de fond.",
  );
});

test("what is in no table stays as it is", () => {
  useLanguage(locales, "fr");
  for (const line of ["", "SettingError", "constructor", "a+b (c)?"]) assert.equal(tLine(line), line);
});

test("a receipt and a note call things as the node does", () => {
  useLanguage(locales, "en");
  assert.equal(labelOf("strength"), "Style strength");
  assert.equal(receiptText({ type: "received", key: "4.strength" }).text, "Style strength: received");
  assert.equal(receiptText({ type: "error", message: "prompt must be text." }).text, "Instruction must be text.");
  useLanguage(locales, "fr");
  assert.equal(notes({ targets: { 5: { note: "take.mp4 has no sound: busy" } } }), "take.mp4 n'a pas de son : busy");
});
