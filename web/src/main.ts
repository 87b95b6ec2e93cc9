/** The page: state, map and panels put together. */

import "ol/ol.css";
import "./style.css";
import { ask, type Job, type Model, type Project, type Scene } from "./api";
import { Comparison } from "./compare";
import { Disagreement } from "./disagreement";
import { byId } from "./dom";
import { mountEditing, type Editing } from "./edit";
import { ServerEvents, refreshLayers } from "./events";
import { offerHelp } from "./help";
import { JobRasters } from "./job_rasters";
import { bind, listen } from "./keys";
import { MapView } from "./map";
import { notify, told } from "./notices";
import { comparePanel } from "./panels/compare";
import { layersPanel } from "./panels/layers";
import { LookPanel } from "./panels/look";
import { PredictPanel } from "./panels/predict";
import { enter, nextRecipe, nextScene, scenesPanel } from "./panels/scenes";
import { nameField } from "./panels/who";
import { State } from "./state";
import { followStatus } from "./status";
import { Tabs } from "./tabs";

const state = new State();
const events = new ServerEvents(state);
const view = new MapView(byId("map"), state, events);
const predict = new PredictPanel(state, view);
new Disagreement(state, view.map);
new JobRasters(state, view.map);
new Comparison(state, view);

byId("left").append(scenesPanel(state, new LookPanel(state, view).element), layersPanel(state, view));
byId("who").append(nameField(state));
const correct = document.createElement("div");
const tabs = new Tabs("Work", [
  { id: "predict", title: "Predict", body: [predict.element] },
  { id: "correct", title: "Correct", body: [correct] },
  { id: "compare", title: "Compare", body: comparePanel(state) },
]);
byId("right").append(tabs.element);

bindKeys();
const editing = mountEditing({
  map: view.map,
  state,
  panel: correct,
  toolbar: byId("toolbar"),
  notify,
  onRevision: (listener) => events.onRevision(listener),
});
join(editing);
followStatus(state, view);
offerHelp();
listen();

function bindKeys(): void {
  bind({ keys: [" "], title: "Hide everything above the scene while held", run: () => (state.overlaysHidden.value = true), release: () => (state.overlaysHidden.value = false) });
  bind({ keys: ["Tab"], title: "Next look of the scene", run: () => nextRecipe(state, 1) });
  bind({ keys: ["Shift+Tab"], title: "Look before", run: () => nextRecipe(state, -1) });
  bind({ keys: [","], title: "Scene of the date before", run: () => nextScene(state, -1) });
  bind({ keys: ["."], title: "Scene of the next date", run: () => nextScene(state, 1) });
  bind({ keys: ["F6"], title: "On to the next part of the page: bar, left, map, right", run: nextPart });
}

/** Tab is taken on the map, so another key leads away from it (as in office programs). */
function nextPart(): void {
  const parts = [byId("map"), byId("right"), byId("bar"), byId("left")];
  const at = parts.findIndex((part) => part.contains(document.activeElement));
  const next = parts[(at + 1) % parts.length];
  const first = next?.matches("[tabindex]") ? next : next?.querySelector<HTMLElement>("button:not(:disabled):not([tabindex='-1']), select, input");
  (first as HTMLElement | null | undefined)?.focus();
}

/** What the editing tools draw themselves is not drawn a second time; it follows eye, opacity and the space bar. */
function join({ editor, box, layer }: Editing): void {
  const follow = (): void => {
    const active = state.active.value;
    const shown = state.shownOf(active?.id ?? "");
    state.held.value = active && editor.blocked === null ? active.id : null;
    const { visible, side } = state.placeOf(active?.id ?? "");
    layer.set("side", side);
    layer.setVisible(visible && !state.overlaysHidden.value && !state.onlyDisagreement.value);
    layer.setOpacity(shown.opacity);
  };
  editor.onChange(follow);
  for (const each of [state.active, state.shown, state.opposite, state.compare, state.overlaysHidden, state.onlyDisagreement]) each.onChange(follow);
  predict.beforeDrawing = () => box.take("hand");
  predict.afterDrawing = () => box.take("select");
  let tool = box.active?.id;
  box.onChange(() => {
    if (box.active?.id === tool) return;
    tool = box.active?.id;
    if (tool !== "hand") predict.stopDrawing();
    if (tool !== "hand" && tool !== "select") tabs.open("correct");
  });
  state.selection.onChange((ids) => {
    if (ids.length) tabs.open("correct");
  });
}

async function load(): Promise<void> {
  const [project, scenes] = await Promise.all([ask<Project>("GET", "/project"), ask<Scene[]>("GET", "/scenes")]);
  state.project.value = project;
  state.scenes.value = scenes;
  const kept = scenes.find((scene) => scene.id === sessionStorage.getItem("firnline.scene")) ?? scenes[0];
  if (kept) enter(state, kept);
  state.scene.onChange((scene) => sessionStorage.setItem("firnline.scene", scene?.id ?? ""));
  await refreshLayers(state);
  const active = state.layers.value.find((layer) => layer.id === sessionStorage.getItem("firnline.layer"));
  state.active.value = active ?? state.layers.value[0] ?? null;
  state.active.onChange((layer) => sessionStorage.setItem("firnline.layer", layer?.id ?? ""));
  if (state.active.value) tabs.open("correct");
  // Before the list of jobs is read: what happens in between is told twice rather than not at all.
  events.listen();
  const [models, jobs] = await Promise.all([ask<Model[]>("GET", "/models"), ask<Job[]>("GET", "/jobs")]);
  state.models.value = models;
  state.jobs.value = jobs;
}

// For tests and for people who look under the bonnet.
Object.assign(window, { firnline: { map: view.map, state, editing } });
void told(load);
