/** What is compared: two scenes, or two layers. */

import { el, section, select } from "../dom";
import { lookOf } from "../look";
import { codeOf } from "../projection";
import type { Compare, State } from "../state";

export function comparePanel(state: State): HTMLElement {
  const body = el("div", {});
  const draw = (): void => body.replaceChildren(...fields(state));
  for (const each of [state.scene, state.scenes, state.layers, state.active]) each.onChange(draw);
  for (const each of [state.compare, state.other]) each.onChange(draw);
  draw();
  return section("Compare", body);
}

function fields(state: State): HTMLElement[] {
  const scene = state.scene.value;
  if (!scene) return [];
  const here = state.scenes.value.filter((each) => codeOf(each.crs) === codeOf(scene.crs));
  const made = [
    select(
      "Scenes",
      [["none", "one map"], ["swipe", "swipe"], ["side", "side by side"]],
      state.compare.value,
      (mode) => (state.compare.value = mode as Compare),
    ),
  ];
  if (state.compare.value !== "none") made.push(...otherFields(state, here.map((each): [string, string] => [each.id, each.name])));
  const layers = state.layers.value.filter((layer) => layer.id !== state.active.value?.id && codeOf(layer.crs) === codeOf(scene.crs));
  if (state.active.value && layers.length) {
    const options = layers.map((layer): [string, string] => [layer.id, layer.name]);
    made.push(
      select("Only where it differs from", [["", "(all outlines)"], ...options], state.disagreeWith.value ?? "", (id) => {
        state.disagreeWith.value = id || null;
      }),
    );
  }
  return made;
}

function otherFields(state: State, scenes: [string, string][]): HTMLLabelElement[] {
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
