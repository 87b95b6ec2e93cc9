/** Keys of editing, told to the page's registry so that `?` shows them. */

import { bound, type Actions } from "./actions";
import type { Editor } from "./editor";
import type { ToolBox } from "./tool";

/** Register every key; the registry leaves them alone while somebody types. */
export function bindKeys(editor: Editor, box: ToolBox, actions: Actions): void {
  const { place } = editor;
  for (const tool of box.all) {
    place.bind({
      keys: [tool.key],
      title: lower(tool.title),
      run: () => {
        if (tool.edits && editor.blocked) place.notify(editor.blocked, "info");
        else box.take(tool.id);
      },
    });
  }
  for (const action of bound(actions)) {
    const run = action.id === "delete" ? () => remove(box, action.run) : action.run;
    place.bind({ keys: action.keys, title: lower(action.title), run });
  }
  place.bind({ keys: ["1"], title: "class: clean ice", run: () => editor.classify(1) });
  place.bind({ keys: ["2"], title: "class: debris-covered ice", run: () => editor.classify(2) });
  place.bind({ keys: ["0", "3"], title: "class: background (takes the outline out)", run: () => editor.classify(0) });
  place.bind({ keys: ["["], title: "smaller brush, more alike pixels", run: () => box.active?.resize?.(-1) });
  place.bind({ keys: ["]"], title: "larger brush, less alike pixels", run: () => box.active?.resize?.(1) });
  place.bind({ keys: ["Enter"], title: "finish what is drawn", run: () => box.active?.finish?.() });
  place.bind({ keys: ["Backspace"], title: "take the last point back", run: () => void box.active?.back?.() });
  place.bind({ keys: ["Escape"], title: "give up the drawing, then the tool, then the selection", run: () => escape(editor, box) });
}

/** Delete means what the tool points at, else the chosen outlines. */
function remove(box: ToolBox, chosen: () => void): void {
  if (!box.active?.remove?.()) chosen();
}

function escape(editor: Editor, box: ToolBox): void {
  if (box.active?.cancel?.()) return;
  if (box.active && box.active.id !== "select" && box.active.id !== "hand") box.take("select");
  else editor.selection.clear();
}

/** As the sheet of keys writes titles. */
function lower(title: string): string {
  return title.charAt(0).toLowerCase() + title.slice(1);
}
