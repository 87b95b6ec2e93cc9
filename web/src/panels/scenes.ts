/** Scenes, what is found about them, and how they look. */

import { ask, type Finding, type LeftOut, type Recipe, type Scene } from "../api";
import { button, el, section } from "../dom";
import { lookOf } from "../look";
import { told } from "../notices";
import type { State } from "../state";

/** What `firnline scenes check` says of the scene that is looked at. */
export function findingsOf(state: State): HTMLDetailsElement {
  const findings = el("details", { "data-testid": "findings" });
  state.scene.follow((scene) => {
    findings.hidden = scene === null;
    if (scene) void showFindings(findings, state, scene);
  });
  return findings;
}

export function scenesPanel(state: State, look: HTMLElement): HTMLElement {
  const list = el("ul", { class: "choices", "data-testid": "scenes" });
  state.scenes.follow((scenes) => {
    const rows = scenes.map((scene) => el("li", {}, sceneButton(state, scene)));
    list.replaceChildren(...(rows.length ? rows : [el("li", { class: "quiet" }, "No scene was found in this folder.")]));
  });
  state.scene.follow((scene) => {
    for (const each of list.querySelectorAll("button")) {
      each.setAttribute("aria-pressed", String(each.dataset["scene"] === scene?.id));
    }
  });
  const others = el("div", { "data-testid": "left-out" });
  state.scenes.onChange((scenes) => void showLeftOut(others, scenes.length === 0));
  return section("Scenes", list, others, look);
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
  // Who compares goes through the dates on the left, against what they chose on the right.
  if (state.compare.value !== "none") return;
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

/** Rasters that are no scenes, so that nobody wonders where they are. */
async function showLeftOut(target: HTMLElement, open: boolean): Promise<void> {
  const found = await told(() => ask<LeftOut[]>("GET", "/left-out"));
  if (!found?.length) return target.replaceChildren();
  const rows = found.map((each) => el("li", {}, el("strong", {}, each.name), ` ${each.why}`));
  const words = found.length === 1 ? "A raster is no scene" : `${found.length} rasters are no scenes`;
  const details = el("details", {}, el("summary", {}, words), el("ul", { class: "findings" }, ...rows));
  details.open = open;
  target.replaceChildren(details);
}

const WEIGHTS = ["refuse", "caution", "note", "ok"];

async function showFindings(target: HTMLDetailsElement, state: State, scene: Scene): Promise<void> {
  target.replaceChildren(el("summary", {}, "What the check says …"));
  const found = await told(() => ask<Finding[]>("GET", `/scenes/${scene.id}/findings`));
  if (!found || state.scene.value?.id !== scene.id) return;
  const [refusals, cautions, notes] = WEIGHTS.map((weight) => found.filter((each) => each.severity === weight).length);
  const parts = [[refusals, "refused"], [cautions, "to mind"], [notes, "noted"]] as const;
  const said = parts.flatMap(([count, word]) => (count ? [`${count} ${word}`] : [])).join(", ");
  const rows = found
    .filter((each) => each.severity !== "ok")
    .map((each) => el("li", { class: each.severity }, el("strong", {}, each.title.replaceAll("_", " ")), el("span", {}, ` ${each.detail}`), each.do ? el("small", {}, each.do) : null));
  const title = said ? `The check of the scene: ${said}` : "The check of the scene finds nothing";
  target.replaceChildren(el("summary", { class: refusals || cautions ? "warned" : "" }, title), el("ul", { class: "findings" }, ...rows));
}
