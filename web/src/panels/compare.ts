/** What is compared: two sides of the map, two layers, or two states of one. */

import { ask, type Layer, type Snapshot } from "../api";
import { el, section, select } from "../dom";
import { told } from "../notices";
import { codeOf } from "../projection";
import type { State } from "../state";
import { sidesFields } from "./sides";

export function comparePanel(state: State): HTMLElement[] {
  const [layers, states] = [el("div", {}), el("div", {})];
  const drawLayers = (): void => layers.replaceChildren(layerField(state));
  for (const each of [state.scene, state.layers, state.active, state.difference]) each.onChange(drawLayers);
  const drawStates = (): void => void showStates(state, states);
  let shown = "";
  state.active.onChange((layer) => {
    if ((layer?.id ?? "") !== shown) drawStates();
    shown = layer?.id ?? "";
  });
  state.snapshots.onChange(drawStates);
  drawLayers();
  drawStates();
  return [section("Two sides", sidesFields(state)), section("Where layers disagree", layers), section("What changed", states)];
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
