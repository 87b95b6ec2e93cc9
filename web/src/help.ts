/** The sheet of all keys. */

import { byId, el } from "./dom";
import { bind, boundKeys } from "./keys";

function written(key: string): string {
  return key
    .split("+")
    .map((part) => (part === " " ? "Space" : part.length === 1 ? part.toUpperCase() : part))
    .join("+");
}

function show(): void {
  const rows = boundKeys().flatMap((key) => [
    el("dt", {}, ...key.keys.flatMap((each, index) => [index ? " or " : "", el("kbd", {}, written(each))])),
    el("dd", {}, key.title),
  ]);
  const close = el("form", { method: "dialog" }, el("button", { class: "primary" }, "Close"));
  const dialog = el("dialog", { "aria-label": "Keys", class: "keys" }, el("h2", {}, "Keys"), el("p", { class: "quiet" }, "They work unless something is written in a field."), el("dl", {}, ...rows), close);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

export function offerHelp(): void {
  bind({ keys: ["?"], title: "This sheet", run: show });
  byId("help").addEventListener("click", show);
}
