/** Puts editing together: layers on the map, tools, buttons, panel, keys, outbox. */

import type { FeatureLike } from "ol/Feature";
import VectorLayer from "ol/layer/Vector";

import { makeActions, Simplification } from "./actions";
import { mountBadge } from "./badge";
import { BrushSize, BrushTool } from "./brush";
import { ConflictDialog } from "./conflict";
import { DRAWINGS, DrawingTool } from "./drawing";
import { Editor } from "./editor";
import { bindKeys } from "./keys";
import { Loader } from "./loading";
import { mountPanel } from "./panel";
import { HandTool, LassoTool, SelectTool } from "./pick";
import { SegmentTool } from "./segment";
import { outlineStyle, sketchStyle } from "./style";
import { ToolBox } from "./tool";
import { mountToolbar } from "./toolbar";
import { VertexTool } from "./vertices";
import type { Workplace } from "./workplace";

export interface Editing {
  editor: Editor;
  box: ToolBox;
  loader: Loader;
  /** The outlines that are edited; the page may hide it with the other overlays. */
  layer: VectorLayer;
}

/** Layers of what is edited and what is not sent yet. */
function addLayers(editor: Editor, box: ToolBox, view: { current: string | null }): VectorLayer {
  const withVertices = (id: string): boolean => {
    const tool = box.active;
    return tool instanceof VertexTool && (id === view.current || editor.selection.has(id));
  };
  const style = (feature: FeatureLike) => {
    const id = String(feature.getId());
    if (editor.muted.has(id)) return [];
    return outlineStyle(feature, editor.selection.has(id), withVertices(id));
  };
  const layer = new VectorLayer({ source: editor.outlines.source, style, zIndex: 500 });
  layer.set("title", "Outlines that are edited");
  const sketches = new VectorLayer({
    source: editor.outlines.sketches,
    style: (feature) => sketchStyle(feature.get("class") as 0 | 1 | 2),
    zIndex: 600,
  });
  editor.place.map.addLayer(layer);
  editor.place.map.addLayer(sketches);
  const refresh = (): void => layer.changed();
  editor.onChange(refresh);
  box.onChange(refresh);
  const show = (): void => {
    const { visible, opacity } = editor.place.shown();
    for (const each of [layer, sketches]) each.setVisible(visible);
    layer.setOpacity(opacity);
  };
  editor.place.onShown(show);
  show();
  return layer;
}

export function mount(place: Workplace): Editing {
  const editor = new Editor(place);
  const box = new ToolBox(place.map);
  const view = { current: null as string | null };
  const size = new BrushSize();
  box.add(
    new HandTool(),
    new SelectTool(editor),
    new LassoTool(editor),
    new VertexTool(editor, "move", view),
    new VertexTool(editor, "insert", view),
    new VertexTool(editor, "delete", view),
    ...DRAWINGS.map((kind) => new DrawingTool(editor, kind)),
    new BrushTool(editor, "add", size),
    new BrushTool(editor, "remove", size),
    new SegmentTool(editor),
  );
  const layer = addLayers(editor, box, view);
  const simplification = new Simplification();
  const actions = makeActions(editor, simplification);
  mountToolbar(editor, box, actions);
  mountBadge(editor);
  mountPanel(editor, box, simplification);
  bindKeys(editor, box, actions);
  const dialog = new ConflictDialog(editor);
  editor.onConflict = (entry, conflicts) => dialog.show(entry, conflicts);
  const loader = new Loader(editor);
  box.take("select");
  void editor.open().then(() => loader.load());
  return { editor, box, loader, layer };
}
