/** What can be set of the tool in hand, and the reason written with changes. */

import type { Simplification } from "./actions";
import { BrushTool, LARGEST_BRUSH_M, SMALLEST_BRUSH_M } from "./brush";
import { el, uniqueId } from "./dom";
import type { Editor } from "./editor";
import type { OutlineClass } from "./operations";
import { SegmentTool } from "./segment";
import type { Tool, ToolBox } from "./tool";

interface Field {
  element: HTMLElement;
  /** Show the value as it is now. */
  refresh(): void;
  shown(tool: Tool | null): boolean;
}

function number(
  label: string, testid: string, range: { min: number; max: number; step: number; unit: string },
  get: () => number, set: (value: number) => void, shown: (tool: Tool | null) => boolean,
): Field {
  const id = uniqueId("edit");
  const input = el("input", { type: "number", id, min: range.min, max: range.max, step: range.step, "data-testid": testid });
  input.addEventListener("change", () => {
    const value = Number(input.value);
    if (Number.isFinite(value) && value > 0) set(value);
    input.value = String(get());
  });
  const element = el("div", { class: "edit-field" }, el("label", { for: id }, label), input, el("span", { class: "edit-unit" }, range.unit));
  const refresh = (): void => {
    if (document.activeElement !== input) input.value = String(get());
  };
  return { element, refresh, shown };
}

function tick(label: string, testid: string, get: () => boolean, set: (on: boolean) => void, shown: (tool: Tool | null) => boolean): Field {
  const id = uniqueId("edit");
  const input = el("input", { type: "checkbox", id, "data-testid": testid });
  input.addEventListener("change", () => set(input.checked));
  const element = el("div", { class: "edit-field" }, input, el("label", { for: id }, label));
  return { element, refresh: () => (input.checked = get()), shown };
}

function holeFill(editor: Editor): Field {
  const id = uniqueId("edit");
  const choice = (value: number, text: string): HTMLOptionElement => el("option", { value }, text);
  const select = el("select", { id, "data-testid": "hole-class" }, choice(0, "nothing"), choice(1, "clean ice"), choice(2, "debris-covered ice"));
  select.addEventListener("change", () => (editor.holeClass = Number(select.value) as OutlineClass));
  const element = el("div", { class: "edit-field" }, el("label", { for: id }, "Fill the hole with"), select);
  return { element, refresh: () => (select.value = String(editor.holeClass)), shown: (tool) => tool?.id === "hole" };
}

function reason(editor: Editor): HTMLElement {
  const id = uniqueId("edit");
  const input = el("input", { type: "text", id, maxlength: 500, "data-testid": "edit-why", placeholder: "optional" });
  input.addEventListener("input", () => (editor.why = input.value));
  return el("div", { class: "edit-field edit-why" }, el("label", { for: id }, "Reason, kept with changes"), input);
}

function segmentButtons(tool: SegmentTool): Field {
  const use = (mode: "add" | "remove", text: string): HTMLButtonElement =>
    el("button", { type: "button", class: "edit-button", "data-testid": `segment-${mode}`, onclick: () => tool.use(mode) }, text);
  const buttons = [use("add", "Add segment"), use("remove", "Remove segment")];
  const refresh = (): void => {
    for (const its of buttons) its.disabled = !tool.hasSegment;
  };
  return { element: el("div", { class: "edit-field" }, ...buttons), refresh, shown: (active) => active === tool };
}

function fields(editor: Editor, box: ToolBox, simplification: Simplification): Field[] {
  const brush = box.all.find((tool): tool is BrushTool => tool instanceof BrushTool);
  const segment = box.all.find((tool): tool is SegmentTool => tool instanceof SegmentTool);
  const made: Field[] = [];
  if (brush) {
    const range = { min: SMALLEST_BRUSH_M, max: LARGEST_BRUSH_M, step: 5, unit: "m" };
    made.push(number("Brush radius", "brush-radius", range, () => brush.size.radius, (value) => brush.setRadius(value), (tool) => tool instanceof BrushTool));
  }
  if (segment) {
    const range = { min: 0.1, max: 10, step: 0.1, unit: "" };
    made.push(number("How alike (more takes more)", "segment-tolerance", range, () => segment.tolerance, (value) => segment.setTolerance(value), (tool) => tool === segment));
    made.push(segmentButtons(segment));
  }
  const takes = new Set(["draw", "freehand", "brush-add", "segment"]);
  made.push(tick("Take ground from neighbours", "edit-overwrite", () => editor.overwrite, (on) => (editor.overwrite = on), (tool) => takes.has(tool?.id ?? "")));
  made.push(holeFill(editor));
  const range = { min: 1, max: 500, step: 1, unit: "m" };
  const set = (value: number): void => void (simplification.toleranceM = Math.min(500, value));
  made.push(number("Simplify by", "simplify-tolerance", range, () => simplification.toleranceM, set, () => editor.selection.size > 0));
  return made;
}

/** The tool's name, its hint, its fields, the reason. */
export function mountOptions(parent: HTMLElement, editor: Editor, box: ToolBox, simplification: Simplification): void {
  const name = el("strong", { "data-testid": "edit-tool" });
  const hint = el("p", { class: "edit-hint" });
  const made = fields(editor, box, simplification);
  parent.append(el("div", { class: "edit-options" }, name, hint, ...made.map((field) => field.element), reason(editor)));
  const refresh = (): void => {
    name.textContent = box.active?.title ?? "";
    hint.textContent = box.active?.hint ?? "";
    for (const field of made) {
      field.element.hidden = !field.shown(box.active);
      field.refresh();
    }
  };
  editor.onChange(refresh);
  box.onChange(refresh);
  refresh();
}
