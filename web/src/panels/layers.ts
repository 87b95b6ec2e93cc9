/** Layers of outlines: shown, made, imported, named, put away, delivered. */

import { ask, askFile, type Layer, type Snapshot, type VectorFile } from "../api";
import { askText, button, el, section, select } from "../dom";
import { refreshLayers } from "../events";
import { notify, told } from "../notices";
import type { State } from "../state";

const FORMATS: [string, string][] = [
  ["gpkg", "GeoPackage (QGIS, with styles)"],
  ["rgi7", "RGI 7.0"],
  ["glims", "GLIMS"],
  ["oggm", "OGGM"],
  ["shp", "Shapefile"],
  ["geojson", "GeoJSON"],
  ["geoparquet", "GeoParquet"],
  ["fgb", "FlatGeobuf"],
];

export function layersPanel(state: State): HTMLElement {
  const list = el("ul", { class: "layers", "data-testid": "layers" });
  const draw = (): void => list.replaceChildren(...state.layers.value.map((layer) => row(state, layer)));
  state.layers.follow(draw);
  for (const each of [state.active, state.shown]) each.onChange(draw);
  const buttons = el(
    "div",
    { class: "buttons" },
    button("New", () => void make(state), { title: "An empty layer" }),
    button("Import", () => void choose(state), { title: "From a file of the folder" }),
  );
  return section("Layers", list, buttons);
}

function row(state: State, layer: Layer): HTMLLIElement {
  const shown = state.shownOf(layer.id);
  const isActive = state.active.value?.id === layer.id;
  const eye = button(shown.visible ? "●" : "○", () => state.show(layer.id, { visible: !shown.visible }), {
    "aria-label": `${shown.visible ? "Hide" : "Show"} ${layer.name}`, "aria-pressed": String(shown.visible), class: "eye",
  });
  const name = button("", () => (state.active.value = layer), { class: "name", "aria-pressed": String(isActive) });
  name.append(el("strong", {}, layer.name), el("small", {}, `${layer.kind} · ${layer.count} outlines · ${layer.area_km2.toFixed(2)} km²`));
  const opacity = el("input", { type: "range", min: "0", max: "100", value: String(100 * shown.opacity), "aria-label": `Opacity of ${layer.name}` });
  opacity.addEventListener("change", () => state.show(layer.id, { opacity: Number(opacity.value) / 100 }));
  const more = el("div", { class: "buttons" }, opacity);
  if (isActive) {
    more.append(
      button("Export", () => void deliver(state, layer)),
      button("Snapshot", () => void snapshot(state, layer)),
      button("Copy", () => void copy(state, layer)),
      button("Rename", () => void rename(state, layer)),
      button("Put away", () => void putAway(state, layer)),
    );
  }
  return el("li", { class: isActive ? "active" : "", "data-layer": layer.id }, eye, name, more);
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
  await told(() => ask("DELETE", `/inventories/${layer.id}`));
  await refreshLayers(state);
  notify(`${layer.name} was put away. Its history stays in the project's database.`, "info");
}

async function snapshot(state: State, layer: Layer): Promise<void> {
  const name = await askText("Name this state", "Name");
  if (!name) return;
  const made = await told(() => ask<Snapshot>("POST", `/inventories/${layer.id}/snapshots`, { name, who: state.who.value || "unknown" }));
  if (made) notify(`Revision ${made.revision} is called “${made.name}”.`, "success");
}

/** A dialog with a form of fields; the answer is its result, or null. */
function dialogOf(title: string, yes: string, ...fields: HTMLElement[]): Promise<boolean> {
  const buttons = el("div", { class: "buttons" }, el("button", { value: "" }, "Cancel"), el("button", { value: "yes", class: "primary" }, yes));
  const dialog = el("dialog", { "aria-label": title }, el("form", { method: "dialog" }, el("h2", {}, title), ...fields, buttons));
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
  });
}

async function choose(state: State): Promise<void> {
  const files = await told(() => ask<VectorFile[]>("GET", "/files"));
  const scene = state.scene.value;
  if (!files || !scene) return;
  if (!files.length) {
    notify("There is no vector file in this folder (GeoPackage, GeoJSON, shapefile).", "info");
    return;
  }
  let [file, kind] = [files[0]?.id ?? "", "inventory"];
  const fields = [
    select("File", files.map((each): [string, string] => [each.id, each.name]), file, (value) => (file = value)),
    select("As", [["inventory", "an inventory to correct"], ["reference", "a reference to lay over"]], kind, (value) => (kind = value)),
  ];
  if (!(await dialogOf("Import outlines", "Import", ...fields))) return;
  const name = files.find((each) => each.id === file)?.name ?? "imported";
  await created(state, { name, scene: scene.id, file, kind });
}

async function deliver(_: State, layer: Layer): Promise<void> {
  const snapshots = (await told(() => ask<Snapshot[]>("GET", `/inventories/${layer.id}/snapshots`))) ?? [];
  let [format, of] = ["gpkg", ""];
  const states: [string, string][] = [["", "as it is now"], ...snapshots.map((each): [string, string] => [each.id, each.name])];
  const fields = [
    select("Format", FORMATS, format, (value) => (format = value)),
    select("State", states, of, (value) => (of = value)),
  ];
  if (!(await dialogOf(`Export ${layer.name}`, "Export", ...fields))) return;
  const body = of ? { format, snapshot: of } : { format };
  const file = await told(() => askFile(`/inventories/${layer.id}/exports`, body));
  if (!file) return;
  const link = el("a", { href: URL.createObjectURL(file.blob), download: file.name });
  link.click();
  URL.revokeObjectURL(link.href);
  notify(`${file.name} was written.`, "success");
}
