/** Questions to the person, as modal dialogs of the browser. */

import { button, el } from "./dom";

/** Ask with a form of fields; whether the person agreed. */
export function askWith(title: string, yes: string, ...fields: HTMLElement[]): Promise<boolean> {
  // Enter takes the first button that sends the form, so it is not that of "Cancel".
  const buttons = el("div", { class: "buttons" }, button("Cancel", () => dialog.close("")), el("button", { value: "yes", class: "primary" }, yes));
  const form = el("form", { method: "dialog" }, el("h2", {}, title), ...fields, buttons);
  const dialog = el("dialog", { "aria-label": title }, form);
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
  });
}

/** Have the browser keep what an address answers. */
export function keepFile(address: string, name: string): void {
  el("a", { href: address, download: name }).click();
}
