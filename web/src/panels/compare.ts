/** What is compared: two scenes, two layers, or two states of one. */

import { ask, type Layer, type Snapshot } from "../api";
import { button, el, section, select } from "../dom";
import { lookOf } from "../look";
import { icon } from "../icons";
import { told } from "../notices";
import { codeOf } from "../projection";
import type { Compare, State } from "../state";

const MODES: [Compare, string, Parameters<typeof icon>[0]][] = [
  ["none", "One map", "one"],
  ["swipe", "Swipe", "cut"],
  ["side", "Side by side", "two"],
];

export function comparePanel(state: State): HTMLElement[] {
  const [scenes, layers, states] = [el("div", {}), el("div", {}), el("div", {})];
  const drawScenes = (): void => scenes.replaceChildren(...sceneFields(state));
  for (const each of [state.scene, state.scenes, state.compare, state.other]) each.onChange(drawScenes);
  state.otherLook.onChange(drawScenes);
  const drawLayers = (): void => layers.replaceChildren(layerField(state));
  for (const each of [state.scene, state.layers, state.active, state.difference]) each.onChange(drawLayers);
  const drawStates = (): void => void showStates(state, states);
  let shown = "";
  state.active.onChange((layer) => {
    if ((layer?.id ?? "") !== shown) drawStates();
    shown = layer?.id ?? "";
  });
  state.snapshots.onChange(drawStates);
  drawScenes();
  drawLayers();
  drawStates();
  return [section("Scenes", scenes), section("Where layers disagree", layers), section("What changed", states)];
}

function sceneFields(state: State): HTMLElement[] {
  const scene = state.scene.value;
  if (!scene) return [];
  const modes = MODES.map(([mode, title, name]) => {
    const made = button("", () => (state.compare.value = mode), { "aria-pressed": String(state.compare.value === mode), "data-testid": `compare-${mode}`, class: "with-icon" });
    made.append(icon(name), title);
    return made;
  });
  const group = el("div", { class: "segments", role: "group", "aria-label": "Compare scenes" }, ...modes);
  if (state.compare.value === "none") return [group];
  const here = state.scenes.value.filter((each) => codeOf(each.crs) === codeOf(scene.crs));
  return [group, ...otherFields(state, here.map((each): [string, string] => [each.id, each.name]))];
}

function otherFields(state: State, scenes: [string, string][]): HTMLElement[] {
  const other = state.other.value;
  if (!other) return [];
  const recipes = other.recipes.map((each): [string, string] => [each.id, each.title]);
  return [
    select("With", scenes, other.id, (id) => {
      const next = state.scenes.value.find((each) => each.id === id);
      const recipe = next?.recipes.find((each) => each.id === state.otherLook.value?.recipe.id) ?? next?.recipes[0];
      if (!next || !recipe) return;
      state.other.value = next;
      state.otherLook.value = lookOf(next, recipe);
    }),
    select("Look", recipes, state.otherLook.value?.recipe.id ?? "", (id) => {
      const recipe = other.recipes.find((each) => each.id === id);
      if (recipe) state.otherLook.value = lookOf(other, recipe);
    }),
  ];
}

function layerField(state: State): HTMLElement {
  const [scene, active] = [state.scene.value, state.active.value];
  const others = state.layers.value.filter((layer) => layer.id !== active?.id && scene && codeOf(layer.crs) === codeOf(scene.crs));
  if (!active || !others.length) return el("p", { class: "quiet" }, "Two layers of the same zone can be compared: a prediction, another inventory, last year's.");
  const options = others.map((layer): [string, string] => [layer.id, layer.name]);
  return el(
    "div",
    {},
    el("p", { class: "quiet" }, `${active.name}, compared`),
    select("With", [["", "(nothing)"], ...options], state.difference.value?.layer ?? "", (id) => {
      const name = others.find((layer) => layer.id === id)?.name ?? "";
      state.difference.value = id ? { title: `In ${name} against ${active.name}`, layer: id } : null;
      state.onlyDisagreement.value = id !== "";
    }),
  );
}

async function showStates(state: State, target: HTMLElement): Promise<void> {
  const layer = state.active.value;
  if (!layer) return target.replaceChildren(el("p", { class: "quiet" }, "Choose a layer to work on."));
  const snapshots = await told(() => ask<Snapshot[]>("GET", `/inventories/${layer.id}/snapshots`));
  if (snapshots && state.active.value?.id === layer.id) target.replaceChildren(...stateFields(state, layer, snapshots));
}

function stateFields(state: State, layer: Layer, snapshots: Snapshot[]): HTMLElement[] {
  let [from, to] = ["", ""];
  const named = snapshots.map((each): [string, string] => [each.id, `${each.name} · ${each.who}, ${when(each.at)}`]);
  const compare = (): void => {
    const words = (id: string, otherwise: string): string => snapshots.find((each) => each.id === id)?.name ?? otherwise;
    const title = `From ${words(from, "the beginning")} to ${words(to, "now")}`;
    state.difference.value = from ? { title, from: from === "0" ? "0" : from, ...(to ? { to } : {}) } : null;
  };
  return [
    el("p", { class: "quiet" }, layer.name),
    select("Since", [["", "(nothing)"], ["0", "the beginning"], ...named], from, (id) => {
      from = id;
      compare();
    }),
    select("Until", [["", "now"], ...named], to, (id) => {
      to = id;
      compare();
    }),
  ];
}

function when(at: string): string {
  return new Date(at).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}
