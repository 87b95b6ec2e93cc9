/** Correcting outlines: what the page mounts. */

import "./edit.css";

import type { EditContext } from "../edit_context";
import { bind } from "../keys";
import { codeOf } from "../projection";
import { mount, type Editing } from "./mount";
import type { EditedLayer, Workplace } from "./workplace";

export type { Editing } from "./mount";

const NOBODY = "unknown";

/** Mount the tools, the panel and the layer of outlines that are edited. */
export function mountEditing(context: EditContext): Editing {
  return mount(workplaceOf(context));
}

function workplaceOf({ map, state, panel, toolbar, notify, onRevision }: EditContext): Workplace {
  const layer = (): EditedLayer | null => {
    const active = state.active.value;
    if (!active) return null;
    return { id: active.id, name: active.name, kind: active.kind, projection: codeOf(active.crs), revision: active.revision };
  };
  return {
    map,
    panel,
    toolbar,
    notify,
    layer,
    onRevision,
    bind,
    session: state.session,
    scene: () => state.scene.value?.id ?? null,
    who: () => state.who.value.trim() || NOBODY,
    selected: (ids) => (state.selection.value = ids),
    revised: (id, revision, areaKm2) => {
      state.layers.value = state.layers.value.map((each) =>
        each.id === id ? { ...each, revision: Math.max(each.revision, revision), area_km2: areaKm2 } : each,
      );
    },
    onView: (listener) => {
      state.active.onChange(listener);
      state.scene.onChange(listener);
    },
  };
}
