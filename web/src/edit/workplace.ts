/** What editing needs of the page around it. `index.ts` makes one from the shell's context. */

import type OlMap from "ol/Map";

export interface EditedLayer {
  id: string;
  name: string;
  kind: string;
  /** Projection code of its coordinates, "EPSG:32643". */
  projection: string;
  revision: number;
}

export interface KeyBinding {
  /** As in KeyboardEvent.key, with modifiers before it: "Ctrl+Shift+z", "e", "Escape". */
  keys: string[];
  title: string;
  run: () => void;
}

export type NoticeKind = "info" | "success" | "warning" | "error";

export interface Workplace {
  map: OlMap;
  panel: HTMLElement;
  toolbar: HTMLElement;
  notify(message: string, kind: NoticeKind): void;
  /** The inventory that is edited, or null. */
  layer(): EditedLayer | null;
  /** Id of the scene that is looked at, or null. */
  scene(): string | null;
  /** Who edits; empty where nobody said. */
  who(): string;
  /** The session of this tab, by which undo finds what was done. */
  readonly session: string;
  /** Tell the page which outlines are chosen. */
  selected(ids: string[]): void;
  /** Tell the page that the layer is at a new revision (its vector tiles are old). */
  revised(layer: string, revision: number, areaKm2: number): void;
  /** How the layer is shown among the page's layers. */
  shown(): { visible: boolean; opacity: number };
  /** Called when that changes. */
  onShown(listener: () => void): void;
  /** Say at the foot of the page whether everything is saved. */
  saved(words: string): void;
  /** Called when another layer or scene is looked at. */
  onView(listener: () => void): void;
  /** Called when the server says that a layer has a new revision. */
  onRevision(listener: (layer: string, revision: number) => void): void;
  bind(binding: KeyBinding): void;
}
