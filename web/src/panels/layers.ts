/** Layers of outlines: shown, coloured, made, imported, named, put away. */

import { ask, type Layer, type Snapshot, type VectorFile } from "../api";
import { LAYER_COLOURS } from "../colours";
import { askWith } from "../dialogs";
import { askText, button, el, section, select } from "../dom";
import { refreshLayers } from "../events";
import { icon, iconButton } from "../icons";
import type { MapView } from "../map";
import { notify, told } from "../notices";
import { codeOf } from "../projection";
import type { State } from "../state";
import { deliver, exportsOf } from "./exports";

export function layersPanel(state: State, view: MapView): HTMLElement {
  const list = el("ul", { class: "layers", "data-testid": "layers" });
  const none = el("p", { class: "quiet" }, "None yet: predict, import a file of the folder, or make a new one.");
  const draw = (): void => {
    const inUse = list.contains(document.activeElement) ? (document.activeElement?.getAttribute("data-key") ?? null) : null;
    list.replaceChildren(...state.layers.value.map((layer) => row(state, view, layer)));
    none.hidden = state.layers.value.length > 0;
    // Drawn anew under the fingers of whoever uses the keyboard: the same control has the focus again.
    if (inUse) list.querySelector<HTMLElement>(`[data-key="${CSS.escape(inUse)}"]`)?.focus();
  };
  for (const each of [state.layers, state.active, state.shown, state.scene]) each.onChange(draw);
  draw();
  const buttons = el(
    "div",
    { class: "buttons" },
    withIcon("add", "New", () => void make(state), "An empty layer to draw in"),
    withIcon("import", "Import", () => void choose(state), "From a file of the folder"),
  );
  return section("Layers", list, none, buttons, exportsOf(state));
}

function withIcon(name: Parameters<typeof icon>[0], label: string, run: () => void, title: string): HTMLButtonElement {
  const made = button("", run, { title, class: "with-icon" });
  made.append(icon(name), label);
  return made;
}

function row(state: State, view: MapView, layer: Layer): HTMLLIElement {
  const shown = state.shownOf(layer.id);
  const isActive = state.active.value?.id === layer.id;
  const elsewhere = state.scene.value !== null && codeOf(state.scene.value.crs) !== codeOf(layer.crs);
  const eye = iconButton(shown.visible ? "shown" : "hidden", `${shown.visible ? "Hide" : "Show"} ${layer.name}`, () => state.show(layer.id, { visible: !shown.visible }), {
    class: "tool eye", "aria-pressed": String(shown.visible), "data-key": `eye-${layer.id}`,
  });
  const name = button("", () => (state.active.value = layer), { class: "name", "aria-pressed": String(isActive), title: "Work on this layer", "data-key": `name-${layer.id}` });
  const facts = `${layer.count} outlines · ${layer.area_km2.toFixed(2)} km²${elsewhere ? ` · in ${layer.crs.name}` : ""}`;
  name.append(el("strong", {}, layer.name), el("small", {}, el("span", { class: `kind ${layer.kind}` }, layer.kind), facts));
  return el("li", { class: isActive ? "active" : "", "data-layer": layer.id }, eye, name, ...(isActive ? [more(state, view, layer)] : []));
}

function more(state: State, view: MapView, layer: Layer): HTMLElement {
  const shown = state.shownOf(layer.id);
  const opacity = el("input", { type: "range", min: "0", max: "100", value: String(Math.round(100 * shown.opacity)), "aria-label": `Opacity of ${layer.name}`, title: "Opacity", "data-key": `opacity-${layer.id}` });
  opacity.addEventListener("change", () => state.show(layer.id, { opacity: Number(opacity.value) / 100 }));
  const colours = [["", "by class"] as const, ...LAYER_COLOURS].map(([value, title]) => el("option", { value, selected: value === (shown.colour ?? "") }, title));
  const colour = el("select", { "aria-label": `Colour of ${layer.name}`, title: "Colour", "data-key": `colour-${layer.id}` }, ...colours);
  colour.addEventListener("change", () => state.show(layer.id, { colour: colour.value || null }));
  const tools = el(
    "div",
    { class: "tools", role: "group", "aria-label": layer.name },
    iconButton("extent", "Look at the whole layer", () => layer.bounds && view.fit(layer.bounds)),
    iconButton("export", "Export", () => void deliver(state, layer)),
    iconButton("snapshot", "Snapshot", () => void snapshot(state, layer)),
    iconButton("copy", "Copy", () => void copy(state, layer)),
    iconButton("rename", "Rename", () => void rename(state, layer)),
    iconButton("remove", "Put away", () => void putAway(state, layer)),
  );
  return el("div", { class: "more" }, el("div", { class: "looks" }, colour, opacity), tools);
}

async function created(state: State, body: Record<string, unknown>): Promise<void> {
  const made = await told(() => ask<Layer & { findings?: string[] }>("POST", "/inventories", body));
  if (!made) return;
  await refreshLayers(state);
  state.active.value = state.layers.value.find((layer) => layer.id === made.id) ?? null;
  for (const finding of made.findings ?? []) notify(finding, "warning");
}

async function make(state: State): Promise<void> {
  const name = await askText("New layer", "Name");
  if (name && state.scene.value) await created(state, { name, scene: state.scene.value.id });
}

async function copy(state: State, layer: Layer): Promise<void> {
  const name = await askText("Copy the layer", "Name", `${layer.name} (copy)`);
  if (name && state.scene.value) await created(state, { name, scene: layer.scene ?? state.scene.value.id, inventory: layer.id });
}

async function rename(state: State, layer: Layer): Promise<void> {
  const name = await askText("Rename the layer", "Name", layer.name);
  if (name && (await told(() => ask("PATCH", `/inventories/${layer.id}`, { name })))) await refreshLayers(state);
}

async function putAway(state: State, layer: Layer): Promise<void> {
  const words = el("p", {}, "It is listed no more; its history stays in the project's database.");
  if (!(await askWith(`Put ${layer.name} away?`, "Put away", words))) return;
  const done = await told(async () => {
    await ask("DELETE", `/inventories/${layer.id}`);
    return true;
  });
  if (!done) return;
  await refreshLayers(state);
  notify(`${layer.name} was put away.`, "info");
}

async function snapshot(state: State, layer: Layer): Promise<void> {
  const name = await askText("Name this state", "Name");
  if (!name) return;
  const made = await told(() => ask<Snapshot>("POST", `/inventories/${layer.id}/snapshots`, { name, who: state.who.value || "unknown" }));
  if (!made) return;
  state.snapshots.value += 1;
  notify(`Revision ${made.revision} is called “${made.name}”.`, "success");
}

async function choose(state: State): Promise<void> {
  const files = (await told(() => ask<VectorFile[]>("GET", "/files")))?.filter((file) => !file.problem);
  const scene = state.scene.value;
  if (!files || !scene) return;
  if (!files.length) {
    notify("There is no vector file in this folder (GeoPackage, GeoJSON, shapefile).", "info");
    return;
  }
  let [file, debris, kind] = [files[0]?.id ?? "", "", "inventory"];
  const title = (each: VectorFile): string => (each.features === null ? each.name : `${each.name} (${each.features} outlines)`);
  const named = files.map((each): [string, string] => [each.id, title(each)]);
  const fields = [
    select("File", named, file, (value) => (file = value)),
    select("Debris", [["", "none"], ...named], debris, (value) => (debris = value)),
    select("As", [["inventory", "an inventory to correct"], ["reference", "a reference to lay over"]], kind, (value) => (kind = value)),
  ];
  if (!(await askWith("Import outlines", "Import", ...fields))) return;
  const name = files.find((each) => each.id === file)?.name ?? "imported";
  await created(state, { name, scene: scene.id, file, kind, ...(debris ? { debris } : {}) });
}
