/** What is chosen, its areas and what was done last. */

import { CLASS_NAMES } from "../colours";
import { el, km2, signedKm2 } from "./dom";
import type { Editor } from "./editor";
import { mountHistory } from "./history";
import { mountOptions } from "./options";
import type { Simplification } from "./actions";
import { planeArea } from "./geometry";
import type { Outline, OutlineClass } from "./operations";
import type { ToolBox } from "./tool";

function row(term: string, ...value: (Node | string)[]): HTMLElement[] {
  return [el("dt", {}, term), el("dd", {}, ...value)];
}

function classes(outlines: Outline[]): string {
  const names = new Set(outlines.map((outline) => CLASS_NAMES[outline.properties.class]));
  return [...names].join(", ");
}

/** Area of an outline as it is shown: the server's figure while it shows what the server has. */
function areaOf(editor: Editor, outline: Outline): number {
  const held = editor.outlines.outline(outline.id);
  if (!held) return outline.properties.area_km2;
  return held.properties.area_km2 + (planeArea(outline.geometry) - planeArea(held.geometry)) / 1e6;
}

function facts(editor: Editor): HTMLElement[] {
  const chosen = editor.chosen();
  const single = chosen.length === 1 ? chosen[0] : undefined;
  const parts: HTMLElement[] = [];
  const live = editor.liveM2 === null ? 0 : editor.liveM2 / 1e6;
  if (chosen.length > 0) {
    const area = chosen.reduce((sum, outline) => sum + areaOf(editor, outline), 0);
    parts.push(...row("Class", classes(chosen)));
    if (single) parts.push(...row("Glacier", single.properties.glacier || "none"));
    parts.push(...row("Area", el("span", { "data-testid": "edit-area" }, km2(area + (editor.liveIsNew ? 0 : live)))));
    if (single) {
      parts.push(...row("Version", el("span", { "data-testid": "edit-version" }, String(single.properties.version))));
      const { probability } = single.properties;
      if (typeof probability === "number") parts.push(...row("Probability", probability.toFixed(2)));
    }
  }
  if (editor.liveM2 !== null) {
    const text = signedKm2(live);
    parts.push(...row("Now", el("span", { "data-testid": "edit-live" }, text)));
  }
  if (editor.last) {
    const { operation, changeKm2, areaKm2 } = editor.last;
    parts.push(...row("Last change", `${operation}: `, el("span", { "data-testid": "edit-change" }, signedKm2(changeKm2))));
    parts.push(...row("Layer", el("span", { "data-testid": "edit-total" }, km2(areaKm2))));
  }
  return parts;
}

/** Fill the panel: the tool's hint and options, facts of what is chosen, classes, history. */
export function mountPanel(editor: Editor, box: ToolBox, simplification: Simplification): void {
  const title = el("h2", { class: "edit-title" }, "Correct");
  const blocked = el("p", { class: "edit-blocked", role: "status", "data-testid": "edit-blocked" });
  const count = el("p", { class: "edit-count", "data-testid": "edit-count" });
  const list = el("dl", { class: "edit-facts", "data-testid": "edit-facts" });
  const buttons = ([1, 2, 0] as const).map((value) =>
    el(
      "button",
      {
        type: "button", class: "edit-class", "data-class": value, "data-testid": `class-${value}`,
        title: `${CLASS_NAMES[value]} (${value})`, onclick: () => editor.classify(value),
      },
      value === 2 ? "debris" : (CLASS_NAMES[value] ?? ""),
    ),
  );
  const classRow = el("div", { class: "edit-classes", role: "group", "aria-label": "Class" }, ...buttons);
  const section = el("section", { class: "edit-panel", "aria-label": "Correct outlines", "data-testid": "edit-panel" }, title, blocked);
  mountOptions(section, editor, box, simplification);
  section.append(count, classRow, list);
  mountHistory(section, editor);
  editor.place.panel.append(section);

  const refresh = (): void => {
    const size = editor.selection.size;
    blocked.textContent = editor.blocked ? `${editor.blocked.charAt(0).toUpperCase()}${editor.blocked.slice(1)}.` : "";
    blocked.hidden = editor.blocked === null;
    count.textContent = size === 0 ? "No outline chosen; the class is that of what is drawn." : `${size} outline${size === 1 ? "" : "s"} chosen`;
    const held = new Set<OutlineClass>(size === 0 ? [editor.drawClass] : editor.chosen().map((o) => o.properties.class));
    for (const its of buttons) {
      const value = Number(its.dataset.class) as OutlineClass;
      its.setAttribute("aria-pressed", String(held.size === 1 && held.has(value)));
      its.disabled = value === 0 && size === 0;
    }
    list.replaceChildren(...facts(editor));
  };
  editor.onChange(refresh);
  refresh();
}
