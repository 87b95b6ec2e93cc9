import OlMap from "ol/Map";
import View from "ol/View";
import { ask, type Layer, type Scene } from "./api";
import { listen } from "./keys";
import { notify } from "./notices";
import { projectionOf } from "./projection";
import { State } from "./state";
import { byId } from "./dom";
import { mountEditing } from "./edit";
import "ol/ol.css";

async function start(): Promise<void> {
  const state = new State();
  state.who.value ||= new URLSearchParams(location.search).get("who") ?? "Ada";
  const scenes = await ask<Scene[]>("GET", "/scenes");
  state.scenes.value = scenes;
  const layers = await ask<Layer[]>("GET", "/inventories");
  state.layers.value = layers;
  const scene = scenes[0];
  if (!scene) throw new Error("no scene");
  const projection = projectionOf(scene.crs, scene.bounds);
  const map = new OlMap({ target: "map", view: new View({ projection, center: [0, 0], zoom: 2 }) });
  const b = scene.bounds;
  const layer = layers[0];
  const editing = mountEditing({ map, state, panel: byId("right"), toolbar: byId("toolbar"), notify, onRevision: () => undefined });
  state.scene.value = scene;
  state.active.value = layer ?? null;
  map.getView().fit(layer?.bounds ?? b);
  listen();
  Object.assign(window, { firnline: { map, state }, editing });
}
void start();
