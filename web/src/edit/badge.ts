/** Says how much is not sent yet, and lets one try again. */

import { el } from "./dom";
import type { Editor } from "./editor";

function words(count: number): string {
  return `${count} change${count === 1 ? "" : "s"} kept in this browser`;
}

/** A badge at the end of the toolbar, silent while everything is sent. */
export function mountBadge(editor: Editor): void {
  const text = el("span", { class: "edit-badge-text" });
  const retry = el(
    "button",
    { type: "button", class: "edit-badge-button", "data-testid": "outbox-retry", onclick: () => editor.outbox.retry() },
    "Try again",
  );
  const drop = el(
    "button",
    { type: "button", class: "edit-badge-button", "data-testid": "outbox-discard", onclick: () => void discard(editor) },
    "Discard the first",
  );
  const badge = el("div", { class: "edit-badge", role: "status", "data-testid": "outbox-badge", hidden: true }, text, retry, drop);
  editor.place.toolbar.append(badge);
  editor.onChange(() => {
    if (!editor.ready) return;
    const { outbox } = editor;
    const count = outbox.waiting().length;
    editor.place.saved(count === 0 ? "all changes saved" : outbox.state === "sending" ? "saving" : words(count));
    const aside = outbox.aside().length;
    const stuck = count > 0 && (outbox.state === "offline" || outbox.state === "failed" || outbox.state === "conflict");
    badge.hidden = !stuck && aside === 0;
    badge.dataset.state = outbox.state;
    badge.dataset.count = String(count);
    retry.hidden = outbox.state === "conflict";
    drop.hidden = stuck && outbox.state !== "failed";
    if (!stuck) text.textContent = `${words(aside)} for an inventory that is not in this folder`;
    else if (outbox.state === "failed") text.textContent = `server error (${outbox.trouble}), ${words(count)}`;
    else if (outbox.state === "conflict") text.textContent = `conflict, ${words(count)}`;
    else text.textContent = `offline, ${words(count)}`;
  });
}

async function discard(editor: Editor): Promise<void> {
  const [first] = [...editor.outbox.waiting(), ...editor.outbox.aside()];
  if (first) await editor.outbox.discard(first);
  editor.waitingChanged();
}
