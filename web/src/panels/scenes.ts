/** Scenes, what is found about them, and how they look. */

import { ask, type Finding, type Recipe, type Scene } from "../api";
import { button, el, section, select } from "../dom";
import { handMade, lookOf } from "../look";
import { told } from "../notices";
import type { State } from "../state";

export function scenesPanel(state: State): HTMLElement {
  const list = el("ul", { class: "choices", "data-testid": "scenes" });
  const look = el("div", { class: "look" });
  const findings = el("details", {}, el("summary", {}, "What the check says"));
  state.scenes.follow((scenes) => {
    const rows = scenes.map((scene) => el("li", {}, sceneButton(state, scene)));
    list.replaceChildren(...(rows.length ? rows : [el("li", { class: "quiet" }, "No scene was found in this folder.")]));
  });
  state.scene.follow((scene) => {
    for (const each of list.querySelectorAll("button")) {
      each.setAttribute("aria-pressed", String(each.dataset["scene"] === scene?.id));
    }
    if (scene) void showFindings(findings, scene);
  });
  let shown = "";
  const draw = (): void => {
    // Only for another picture: a slider must not be made anew while someone drags it.
    const key = `${state.scene.value?.id} ${JSON.stringify(state.look.value?.recipe)}`;
    if (key !== shown) showLook(state, look);
    shown = key;
  };
  for (const each of [state.look, state.scene]) each.onChange(draw);
  return section("Scenes", list, look, findings);
}

function sceneButton(state: State, scene: Scene): HTMLButtonElement {
  const made = button("", () => enter(state, scene), { "data-scene": scene.id, "aria-pressed": "false" });
  const said = [scene.sensor, scene.date, `${scene.resolution} m`].filter(Boolean).join(" · ");
  made.append(el("strong", {}, scene.name), el("small", {}, said));
  return made;
}

/** Go to a scene; the recipe stays where the scene has it. */
export function enter(state: State, scene: Scene): void {
  const recipe = scene.recipes.find((each) => each.id === state.look.value?.recipe.id) ?? firstLook(scene);
  state.scene.value = scene;
  state.look.value = recipe ? lookOf(scene, recipe) : null;
  const other = state.scenes.value.find((each) => each.id !== scene.id && each.crs.epsg === scene.crs.epsg) ?? scene;
  state.other.value = other;
  const opposite = other.recipes.find((each) => each.id === recipe?.id) ?? firstLook(other);
  state.otherLook.value = opposite ? lookOf(other, opposite) : null;
}

/** Ice and debris are told best in short-wave infrared. */
function firstLook(scene: Scene): Recipe | undefined {
  return scene.recipes.find((each) => each.id === "false-colour") ?? scene.recipes[0];
}

/** The recipe `step` further in the list. */
export function nextRecipe(state: State, step: number): void {
  const { scene, look } = state;
  if (!scene.value || !look.value) return;
  const all = scene.value.recipes;
  const at = all.findIndex((each) => each.id === look.value?.recipe.id);
  const next = all[(at + step + all.length) % all.length];
  if (next) look.value = lookOf(scene.value, next);
}

/** The scene `step` further by date. */
export function nextScene(state: State, step: number): void {
  const scenes = [...state.scenes.value].sort((a, b) => (a.date ?? "").localeCompare(b.date ?? "") || a.name.localeCompare(b.name));
  const at = scenes.findIndex((each) => each.id === state.scene.value?.id);
  const next = scenes[(at + step + scenes.length) % scenes.length];
  if (next) enter(state, next);
}

function showLook(state: State, target: HTMLElement): void {
  const [scene, look] = [state.scene.value, state.look.value];
  if (!scene || !look) {
    target.replaceChildren();
    return;
  }
  const options = scene.recipes.map((each): [string, string] => [each.id, each.title]);
  const bands = look.recipe.kind === "rgb" ? look.recipe.bands : [];
  target.replaceChildren(
    select("Look", [...options, ["hand", "Three bands by hand"]], look.recipe.id, (id) => {
      const recipe = scene.recipes.find((each) => each.id === id) ?? handMade(byHand(scene, bands));
      state.look.value = lookOf(scene, recipe);
    }),
    ...(look.recipe.id === "hand" ? handChoice(state, scene, byHand(scene, bands)) : []),
    slider("Dark", 0, 100, 0, (value) => stretch(state, scene, value / 100, null)),
    slider("Bright", 0, 100, 50, (value) => stretch(state, scene, null, value / 50)),
    slider("Gamma", 40, 250, 100 * look.stretch.gamma, (value) => {
      if (state.look.value) state.look.value = { ...state.look.value, stretch: { ...state.look.value.stretch, gamma: value / 100 } };
    }),
    slider("Opacity", 0, 100, 100 * state.sceneOpacity.value, (value) => (state.sceneOpacity.value = value / 100)),
  );
}

function byHand(scene: Scene, bands: readonly string[]): [string, string, string] {
  const names = scene.bands.map((each) => each.name);
  const [red = names[0] ?? "", green = names[1] ?? red, blue = names[2] ?? green] = bands;
  return [red, green, blue];
}

function handChoice(state: State, scene: Scene, bands: [string, string, string]): HTMLElement[] {
  const names = scene.bands.map((each): [string, string] => [each.name, each.name]);
  return ["Red", "Green", "Blue"].map((label, channel) =>
    select(label, names, bands[channel] ?? "", (name) => {
      const next: [string, string, string] = [...bands];
      next[channel] = name;
      state.look.value = lookOf(scene, handMade(next));
    }),
  );
}

/** Darken from below or brighten from above, as shares of the range that the recipe begins with. */
function stretch(state: State, scene: Scene, dark: number | null, bright: number | null): void {
  const look = state.look.value;
  if (!look) return;
  const first = lookOf(scene, look.recipe).stretch.ranges;
  const ranges = look.stretch.ranges.map(([low, high], channel): [number, number] => {
    const [least, most] = first[channel] ?? [low, high];
    const from = dark === null ? low : least + dark * (most - least) * 0.95;
    const to = bright === null ? high : least + (most - least) / Math.max(bright, 0.05);
    return [from, Math.max(to, from + (most - least) * 0.01)];
  });
  state.look.value = { recipe: look.recipe, stretch: { ...look.stretch, ranges } };
}

function slider(label: string, min: number, max: number, value: number, run: (value: number) => void): HTMLLabelElement {
  const made = el("input", { type: "range", min: String(min), max: String(max), value: String(Math.round(value)) });
  made.addEventListener("input", () => run(Number(made.value)));
  return el("label", { class: "field" }, el("span", {}, label), made);
}

async function showFindings(target: HTMLDetailsElement, scene: Scene): Promise<void> {
  const found = await told(() => ask<Finding[]>("GET", `/scenes/${scene.id}/findings`));
  if (!found) return;
  const rows = found.map((each) => el("li", { class: each.severity }, el("strong", {}, each.title), ` ${each.detail}`, each.do ? el("small", {}, each.do) : null));
  const title = found.length ? `What the check says (${found.length})` : "The check found nothing";
  target.replaceChildren(el("summary", {}, title), el("ul", { class: "findings" }, ...rows));
}
