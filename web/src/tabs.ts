/** Panels of which one is shown, as the ARIA pattern of tabs has it: arrows go along, Home and End to the ends. */

import { el } from "./dom";

export interface Tab {
  id: string;
  title: string;
  body: HTMLElement[];
}

export class Tabs {
  readonly element: HTMLElement;
  private readonly buttons: HTMLButtonElement[];
  private readonly panels: HTMLElement[];

  constructor(
    label: string,
    private readonly tabs: readonly Tab[],
  ) {
    this.buttons = tabs.map((tab, index) => {
      const made = el("button", { type: "button", role: "tab", id: `tab-${tab.id}`, "aria-controls": `panel-${tab.id}`, "data-testid": `tab-${tab.id}` }, tab.title);
      made.addEventListener("click", () => this.open(tab.id));
      made.addEventListener("keydown", (event) => this.along(event, index));
      return made;
    });
    this.panels = tabs.map((tab) => el("div", { role: "tabpanel", id: `panel-${tab.id}`, "aria-labelledby": `tab-${tab.id}` }, ...tab.body));
    this.element = el("div", { class: "tabs" }, el("div", { role: "tablist", "aria-label": label }, ...this.buttons), ...this.panels);
    this.open(tabs[0]?.id ?? "");
  }

  open(id: string): void {
    this.tabs.forEach((tab, index) => {
      const [button, panel] = [this.buttons[index], this.panels[index]];
      button?.setAttribute("aria-selected", String(tab.id === id));
      button?.setAttribute("tabindex", tab.id === id ? "0" : "-1");
      panel?.toggleAttribute("hidden", tab.id !== id);
    });
  }

  private along(event: KeyboardEvent, index: number): void {
    const last = this.tabs.length - 1;
    const steps: Record<string, number> = { ArrowRight: index === last ? 0 : index + 1, ArrowLeft: index ? index - 1 : last, Home: 0, End: last };
    const next = steps[event.key];
    const tab = next === undefined ? undefined : this.tabs[next];
    if (next === undefined || !tab) return;
    event.preventDefault();
    this.open(tab.id);
    this.buttons[next]?.focus();
  }
}
