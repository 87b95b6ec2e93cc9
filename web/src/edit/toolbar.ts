/** The buttons: tools that are held, actions that are done once, undo and redo. */

import { el } from "./dom";
import type { Editor } from "./editor";
import { icon } from "./icons";
import { bound, type Actions } from "./actions";
import type { ToolBox } from "./tool";

const GROUPS: [string, string[]][] = [
  ["Choosing", ["hand", "select", "lasso"]],
  ["Edges", ["vertices", "insert-vertex", "delete-vertex", "reshape"]],
  ["Drawing", ["draw", "freehand", "split", "hole"]],
  ["Painting", ["brush-add", "brush-remove", "segment"]],
];

function keyName(key: string): string {
  return key.length === 1 ? key.toUpperCase() : key;
}

function button(id: string, title: string, key: string, run: () => void): HTMLButtonElement {
  const label = key ? `${title} (${keyName(key)})` : title;
  const made = el(
    "button",
    { type: "button", class: "edit-tool", title: label, "aria-label": title, "data-testid": `tool-${id}`, onclick: () => run() },
    icon(id),
  );
  if (key) made.setAttribute("aria-keyshortcuts", key.length === 1 ? key.toUpperCase() : key);
  return made;
}

/** Fill the toolbar; buttons follow the tool in hand, the selection and what may be edited. */
export function mountToolbar(editor: Editor, box: ToolBox, actions: Actions): void {
  const bar = editor.place.toolbar;
  const buttons = new Map<string, HTMLButtonElement>();
  const group = (label: string, members: HTMLElement[]): HTMLElement =>
    el("div", { class: "edit-group", role: "group", "aria-label": label }, ...members);
  for (const [name, ids] of GROUPS) {
    const members = box.all
      .filter((tool) => ids.includes(tool.id))
      .map((tool) => {
        const made = button(tool.id, tool.title, tool.key, () => box.take(tool.id));
        buttons.set(tool.id, made);
        return made;
      });
    bar.append(group(name, members));
  }
  const made = bound(actions).map((action) => ({ action, made: button(action.id, action.title, action.shown, action.run) }));
  bar.append(group("Actions", made.filter(({ action }) => !action.history).map((each) => each.made)));
  bar.append(group("History", made.filter(({ action }) => action.history).map((each) => each.made)));

  const refresh = (): void => {
    for (const tool of box.all) {
      const its = buttons.get(tool.id);
      its?.setAttribute("aria-pressed", String(tool === box.active));
      if (its) its.disabled = tool.edits && tool !== box.active && editor.blocked !== null;
    }
    for (const { action, made: its } of made) its.disabled = !action.possible();
  };
  editor.onChange(refresh);
  box.onChange(refresh);
  refresh();
}
