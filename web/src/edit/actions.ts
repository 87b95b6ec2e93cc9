/** What is done at once to the chosen outlines, by a button or a key. */

import { askText } from "../dom";
import type { Editor } from "./editor";

export interface Action {
  id: string;
  title: string;
  keys: string[];
  /** The key as the button tells it. */
  shown: string;
  history: boolean;
  possible(): boolean;
  run(): void;
}

export interface Actions {
  merge: Action;
  glacier: Action;
  simplify: Action;
  delete: Action;
  undo: Action;
  redo: Action;
}

export function bound(actions: Actions): Action[] {
  return [actions.merge, actions.glacier, actions.simplify, actions.delete, actions.undo, actions.redo];
}

/** The tolerance of simplify, metres, until the person sets another. */
export class Simplification {
  toleranceM = 10;
}

/** Ask for the id, beginning with one that a chosen outline has: debris and its glacier are chosen, and Enter joins them. */
async function assign(editor: Editor, features: string[]): Promise<void> {
  const known = editor.chosen().find((outline) => outline.properties.glacier)?.properties.glacier;
  const glacier = await askText("Of which glacier are the chosen outlines?", "Id of the glacier", known ?? "");
  if (glacier !== null) await editor.perform({ operation: "assign", features, glacier });
}

export function makeActions(editor: Editor, simplification: Simplification): Actions {
  const some = (least: number) => (): boolean => editor.blocked === null && editor.selection.size >= least;
  const steps = (): boolean => editor.place.layer() !== null;
  const chosen = (least: number, what: string, run: (features: string[]) => void) => (): void => {
    const features = editor.selection.ids;
    if (features.length >= least) run(features);
    else editor.place.notify(what, "info");
  };
  return {
    merge: {
      id: "merge", title: "Merge", keys: ["m"], shown: "M", history: false, possible: some(2),
      run: chosen(2, "Choose two or more outlines that touch to merge them", (features) =>
        void editor.perform({ operation: "merge", features })),
    },
    glacier: {
      id: "glacier", title: "Say of which glacier", keys: ["a"], shown: "A", history: false, possible: some(1),
      run: chosen(1, "Choose the outlines whose glacier you know", (features) => void assign(editor, features)),
    },
    simplify: {
      id: "simplify", title: "Simplify", keys: ["y"], shown: "Y", history: false, possible: some(1),
      run: chosen(1, "Choose the outlines to simplify", (features) =>
        void editor.perform({ operation: "simplify", features, tolerance_m: simplification.toleranceM })),
    },
    delete: {
      id: "delete", title: "Delete", keys: ["Delete"], shown: "Delete", history: false, possible: some(1),
      run: chosen(1, "Choose the outlines to delete", (features) => void editor.perform({ operation: "delete", features })),
    },
    undo: {
      id: "undo", title: "Undo", keys: ["Ctrl+z"], shown: "Ctrl+Z", history: true, possible: steps,
      run: () => void editor.undo(),
    },
    redo: {
      id: "redo", title: "Redo", keys: ["Ctrl+Shift+z", "Ctrl+y"], shown: "Ctrl+Shift+Z", history: true, possible: steps,
      run: () => void editor.redo(),
    },
  };
}
