/** What lies left and right of a comparison: scene, look, and which layers of outlines. */

import type { Layer } from "../api";
import { button, el, select } from "../dom";
import { icon } from "../icons";
import { lookOf } from "../look";
import { codeOf } from "../projection";
import type { Side } from "../curtain";
import { showsSamePicture, type Compare, type State } from "../state";

const MODES: [Compare, string, Parameters<typeof icon>[0]][] = [
  ["none", "One map", "one"],
  ["swipe", "Swipe", "cut"],
  ["side", "Side by side", "two"],
];
const SIDES: Side[] = ["left", "right"];

export function sidesFields(state: State): HTMLElement {
  const fields = el("div", { class: "sides" });
  const draw = (): void => {
    const inUse = fields.contains(document.activeElement) ? (document.activeElement?.getAttribute("data-key") ?? null) : null;
    fields.replaceChildren(...drawn(state));
    // Drawn anew under the fingers of whoever uses the keyboard: the same control has the focus again.
    if (inUse) fields.querySelector<HTMLElement>(`[data-key="${CSS.escape(inUse)}"]`)?.focus();
  };
  const { scene, look, scenes, compare, other, otherLook, layers, shown, opposite } = state;
  for (const each of [scene, look, scenes, compare, other, otherLook, layers, shown, opposite]) each.onChange(draw);
  draw();
  return fields;
}

function drawn(state: State): HTMLElement[] {
  if (!state.scene.value) return [];
  const modes = MODES.map(([mode, title, name]) => {
    const pressed = String(state.compare.value === mode);
    const made = button("", () => (state.compare.value = mode), { "aria-pressed": pressed, "data-testid": `compare-${mode}`, "data-key": mode, class: "with-icon" });
    made.append(icon(name), title);
    return made;
  });
  const group = el("div", { class: "segments", role: "group", "aria-label": "Compare" }, ...modes);
  if (state.compare.value === "none") return [group];
  const swap = button("", () => swapSides(state), { class: "with-icon", "data-testid": "swap-sides", "data-key": "swap", title: "What is on the left goes to the right, and the other way round" });
  swap.append(icon("swap"), "Swap sides");
  return [group, ...pictureFields(state), outlinesTable(state), el("div", { class: "buttons" }, swap)];
}

/** The scene on the right and its look; the left one is chosen in the list of scenes. */
function pictureFields(state: State): HTMLElement[] {
  const [scene, other] = [state.scene.value, state.other.value];
  if (!scene || !other) return [];
  const here = state.scenes.value.filter((each) => codeOf(each.crs) === codeOf(scene.crs));
  const scenes = here.map((each): [string, string] => [each.id, each.id === scene.id ? `the same as left (${each.name})` : each.name]);
  const looks = other.recipes.map((each): [string, string] => [each.id, each.title]);
  const fields = [
    select("Right", scenes, other.id, (id) => {
      const next = state.scenes.value.find((each) => each.id === id);
      // The same scene is first shown as it is on the left.
      const wanted = id === scene.id ? state.look.value?.recipe.id : state.otherLook.value?.recipe.id;
      const recipe = next?.recipes.find((each) => each.id === wanted) ?? next?.recipes[0];
      if (!next || !recipe) return;
      state.other.value = next;
      state.otherLook.value = lookOf(next, recipe);
    }),
    select("Look", looks, state.otherLook.value?.recipe.id ?? "", (id) => {
      const recipe = other.recipes.find((each) => each.id === id);
      if (recipe) state.otherLook.value = lookOf(other, recipe);
    }),
  ];
  fields.forEach((field, at) => {
    field.querySelector("select")?.setAttribute("data-key", `picture-${at}`);
    field.querySelector("select")?.setAttribute("data-testid", at ? "right-look" : "right-scene");
  });
  return fields;
}

/** Which layers are on which side; the left is the same as the eye in the list of layers. */
function outlinesTable(state: State): HTMLElement {
  const layers = state.layersHere();
  if (!layers.length) return el("p", { class: "quiet" }, "There are no outlines here yet.");
  const tick = (layer: Layer, side: Side): HTMLElement => {
    const made = el("input", { type: "checkbox", "aria-label": `${layer.name} on the ${side}`, "data-key": `${side}-${layer.id}`, "data-testid": `on-${side}-${layer.id}` });
    made.checked = state.isOn(layer.id, side);
    made.addEventListener("change", () => state.setOn(layer.id, side, made.checked));
    return el("td", {}, made);
  };
  const rows = layers.map((layer) => el("tr", {}, el("th", { scope: "row" }, layer.name), ...SIDES.map((side) => tick(layer, side))));
  const head = el("tr", {}, ...["Outlines", "Left", "Right"].map((word) => el("th", { scope: "col" }, word)));
  return el("table", {}, el("thead", {}, head), el("tbody", {}, ...rows));
}

function swapSides(state: State): void {
  const { scene, look, other, otherLook, opposite } = state;
  const right = opposite.value;
  const onLeft = state.layersHere().filter((layer) => state.isOn(layer.id, "left")).map((layer) => layer.id);
  for (const layer of state.layersHere()) state.show(layer.id, { visible: right.has(layer.id) });
  opposite.value = new Set(onLeft);
  if (showsSamePicture(state)) return;
  const [before, beforeLook] = [scene.value, look.value];
  [scene.value, look.value] = [other.value, otherLook.value];
  [other.value, otherLook.value] = [before, beforeLook];
}
