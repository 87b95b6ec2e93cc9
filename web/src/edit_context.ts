/** What the shell gives to the tools that correct outlines. */

import type OlMap from "ol/Map";
import type { NoticeKind } from "./notices";
import type { State } from "./state";

export interface EditContext {
  map: OlMap;
  state: State;
  panel: HTMLElement;
  toolbar: HTMLElement;
  notify(message: string, kind: NoticeKind): void;
  /** Called when the server says that a layer has a new revision. */
  onRevision(listener: (layer: string, revision: number) => void): void;
}
