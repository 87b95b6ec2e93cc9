/** Correcting outlines: what the page mounts. */

import "./edit.css";

import type { Layer } from "../api";
import type { EditContext } from "../edit_context";
import { bind } from "../keys";
import { codeOf } from "../projection";
import { mount, type Editing } from "./mount";
import type { EditedLayer, Workplace } from "./workplace";

export type { Editing } from "./mount";

/** Mount the tools, the panel and the layer of outlines that are edited. */
export function mountEditing(context: EditContext): Editing {
  const editing = mount(workplaceOf(context));
  Object.assign(window, { firnlineEdit: editing }); // for tests and for people who look under the bonnet
  return editing;
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
    who: () => state.who.value.trim(),
    selected: (ids) => (state.selection.value = ids),
    revised: (id, revision, areaKm2) => {
      const now = (each: Layer): Layer =>
        each.id === id ? { ...each, revision: Math.max(each.revision, revision), area_km2: areaKm2 } : each;
      state.layers.value = state.layers.value.map(now);
      if (state.active.value?.id === id) state.active.value = now(state.active.value);
    },
    shown: () => {
      const id = state.active.value?.id ?? "";
      return { visible: state.placeOf(id).visible && !state.overlaysHidden.value, opacity: state.shownOf(id).opacity };
    },
    onShown: (listener) => {
      for (const each of [state.shown, state.opposite, state.compare, state.overlaysHidden, state.active]) each.onChange(listener);
    },
    saved: (words) => (state.saved.value = words),
    onView: (listener) => {
      state.active.onChange(listener);
      state.scene.onChange(listener);
    },
  };
}
