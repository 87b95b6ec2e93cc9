/** Hand, select and lasso. */

import type Feature from "ol/Feature";
import type { Polygon } from "ol/geom";
import Draw from "ol/interaction/Draw";
import type MapBrowserEvent from "ol/MapBrowserEvent";
import { unByKey } from "ol/Observable";
import type { EventsKey } from "ol/events";

import type { Editor } from "./editor";
import { overlaps, position, positions } from "./geometry";
import type { PolygonGeometry } from "./operations";
import { heldDown, outlineAt } from "./pointing";
import { sketchStyle } from "./style";
import type { Tool } from "./tool";

/** Choose the outline under a click; Shift adds it or takes it out. */
export function pickAt(editor: Editor, event: MapBrowserEvent): void {
  const hit = outlineAt(editor, position(event.coordinate));
  if (event.originalEvent.shiftKey) {
    if (hit) editor.selection.toggle(hit.id);
  } else editor.selection.set(hit ? [hit.id] : []);
}

export class HandTool implements Tool {
  readonly id = "hand";
  readonly title = "Hand";
  readonly key = "h";
  readonly hint = "Drag the map.";
  readonly edits = false;
  start(): void {}
  stop(): void {}
}

export class SelectTool implements Tool {
  readonly id = "select";
  readonly title = "Select";
  readonly key = "s";
  readonly hint = "Click an outline; with Shift more of them. 1, 2 and 0 give them a class, Delete removes them.";
  readonly edits = false;
  private listening: EventsKey | null = null;

  constructor(private readonly editor: Editor) {}

  start(): void {
    this.listening = this.editor.place.map.on("click", (event) => pickAt(this.editor, event));
  }

  stop(): void {
    if (this.listening) unByKey(this.listening);
    this.listening = null;
  }
}

export class LassoTool implements Tool {
  readonly id = "lasso";
  readonly title = "Lasso";
  readonly key = "l";
  readonly hint = "Draw around outlines to choose all it meets; Shift adds, Alt takes out.";
  readonly edits = true;
  private draw: Draw | null = null;

  constructor(private readonly editor: Editor) {}

  start(): void {
    const keys = { shift: false, alt: false };
    this.draw = new Draw({
      type: "Polygon",
      style: sketchStyle(0),
      ...heldDown((event) => {
        keys.shift = event.originalEvent.shiftKey;
        keys.alt = event.originalEvent.altKey;
      }),
    });
    this.draw.on("drawend", (event) => this.choose(event.feature as Feature<Polygon>, keys));
    this.editor.place.map.addInteraction(this.draw);
  }

  private choose(feature: Feature<Polygon>, keys: { shift: boolean; alt: boolean }): void {
    const drawn = feature.getGeometry();
    if (!drawn) return;
    const area: PolygonGeometry = { type: "Polygon", coordinates: drawn.getCoordinates().map(positions) };
    const ids: string[] = [];
    for (const candidate of this.editor.outlines.source.getFeaturesInExtent(drawn.getExtent())) {
      const outline = this.editor.outlines.current(String(candidate.getId()));
      if (outline && overlaps(outline.geometry, area)) ids.push(outline.id);
    }
    if (keys.alt) this.editor.selection.drop(ids);
    else if (keys.shift) this.editor.selection.add(ids);
    else this.editor.selection.set(ids);
  }

  stop(): void {
    if (this.draw) this.editor.place.map.removeInteraction(this.draw);
    this.draw = null;
  }

  cancel(): boolean {
    this.draw?.abortDrawing();
    return false;
  }
}
