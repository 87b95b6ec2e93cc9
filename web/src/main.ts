/** The page: state, map and panels put together. */

import "ol/ol.css";
import "./style.css";
import { ask, type Job, type Model, type Project, type Scene } from "./api";
import { Comparison } from "./compare";
import { Disagreement } from "./disagreement";
import { byId } from "./dom";
import { mountEditing } from "./edit";
import { ServerEvents, refreshLayers } from "./events";
import { offerHelp } from "./help";
import { bind, listen } from "./keys";
import { MapView } from "./map";
import { notify, told } from "./notices";
import { comparePanel } from "./panels/compare";
import { historyPanel } from "./panels/history";
import { layersPanel } from "./panels/layers";
import { PredictPanel } from "./panels/predict";
import { enter, nextRecipe, nextScene, scenesPanel } from "./panels/scenes";
import { State } from "./state";
import { followStatus } from "./status";
import { whoPanel } from "./panels/who";

const state = new State();
const events = new ServerEvents(state);
const view = new MapView(byId("map"), state, events);
const disagreement = new Disagreement(state, view.map);
const predict = new PredictPanel(state, view.map);
new Comparison(state, view);

byId("left").append(scenesPanel(state), layersPanel(state), comparePanel(state));
const editing = document.createElement("div");
byId("right").append(editing, predict.element, historyPanel(state, disagreement), whoPanel(state));

bind({ keys: [" "], title: "hide everything above the scene while held", run: () => (state.overlaysHidden.value = true), release: () => (state.overlaysHidden.value = false) });
bind({ keys: ["Tab"], title: "next look of the scene", run: () => nextRecipe(state, 1) });
bind({ keys: ["Shift+Tab"], title: "look before", run: () => nextRecipe(state, -1) });
bind({ keys: [","], title: "scene of the date before", run: () => nextScene(state, -1) });
bind({ keys: ["."], title: "scene of the next date", run: () => nextScene(state, 1) });
followStatus(state, view.map);
mountEditing({
  map: view.map,
  state,
  panel: editing,
  toolbar: byId("toolbar"),
  notify,
  onRevision: (listener) => events.onRevision(listener),
});
offerHelp();
listen();

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
  const [models, jobs] = await Promise.all([ask<Model[]>("GET", "/models"), ask<Job[]>("GET", "/jobs")]);
  state.models.value = models;
  state.jobs.value = jobs;
  events.listen();
}

// For tests and for people who look under the bonnet.
Object.assign(window, { firnline: { map: view.map, state } });
void told(load);
