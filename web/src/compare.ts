/**
 * Two sides against each other: a swipe over one map, or a second map that moves along.
 *
 * On the left is what the page shows; on the right another scene, date or look, and other layers of outlines.
 */

import OlMap from "ol/Map";
import type BaseLayer from "ol/layer/Base";
import { Basemap } from "./basemap";
import { Curtain, type Side } from "./curtain";
import type { MapView } from "./map";
import { byId, el } from "./dom";
import { notify } from "./notices";
import { OutlineGroup } from "./outline_group";
import { codeOf } from "./projection";
import { SceneView } from "./scene_layer";
import { SideLabels } from "./side_labels";
import { showsSamePicture, type State } from "./state";

export class Comparison {
  private view: SceneView | null = null;
  private second: OlMap | null = null;
  private curtain: Curtain | null = null;
  private outlines: OutlineGroup | null = null;
  private basemap: Basemap | null = null;
  /** Layers that were there when a comparison last began: new ones come to both sides. */
  private known = new Set<string>();
  private readonly handle: HTMLInputElement;
  /** The edge between the sides, for the mouse; the handle is its twin for the keyboard. */
  private readonly line: HTMLElement;

  constructor(
    private readonly state: State,
    private readonly main: MapView,
  ) {
    this.handle = el("input", {
      type: "range", min: "0", max: "1000", value: "500", id: "swipe", "aria-label": "Swipe between the sides", hidden: true,
    });
    this.handle.addEventListener("input", () => this.slide());
    this.line = el("div", { id: "swipe-line", hidden: true });
    this.line.addEventListener("pointerdown", (event) => this.drag(event));
    byId("stage").append(this.handle, this.line, new SideLabels(state).element);
    main.map.on("change:view", () => this.second?.setView(main.map.getView()));
    state.compare.onChange(() => this.mode());
    for (const each of [state.other, state.otherLook, state.look, state.sceneOpacity]) each.onChange(() => void this.show());
    state.scene.onChange((scene) => {
      const other = state.other.value;
      if (scene && other && codeOf(scene.crs) !== codeOf(other.crs)) state.compare.value = "none";
    });
  }

  private slide(): void {
    const share = Number(this.handle.value) / 1000;
    byId("stage").style.setProperty("--edge", `${100 * (this.second ? 0.5 : share)}%`);
    if (this.curtain) this.curtain.share = share;
    this.main.map.render();
  }

  private drag(begun: PointerEvent): void {
    begun.preventDefault();
    this.line.setPointerCapture(begun.pointerId);
    const move = (event: PointerEvent): void => {
      const { left, width } = byId("stage").getBoundingClientRect();
      this.handle.value = String(Math.round((1000 * (event.clientX - left)) / width));
      this.slide();
    };
    this.line.addEventListener("pointermove", move);
    this.line.addEventListener("lostpointercapture", () => this.line.removeEventListener("pointermove", move), { once: true });
  }

  private mode(): void {
    this.end();
    const mode = this.state.compare.value;
    if (mode !== "none") this.takeNew();
    byId("stage").classList.toggle("two", mode === "side");
    this.handle.hidden = this.line.hidden = mode !== "swipe";
    if (mode === "side") this.addMap();
    if (mode !== "none") {
      // Layers of its own: OpenLayers draws a layer in one map, and on one side, only.
      this.outlines = new OutlineGroup(this.state, "right");
      this.right.addLayer(this.outlines.group);
    }
    if (mode === "swipe") this.curtain = new Curtain(this.main.map, (layer) => this.sideOf(layer));
    this.slide();
    this.main.map.updateSize();
    void this.show();
  }

  private takeNew(): void {
    const { layers, opposite } = this.state;
    const fresh = layers.value.filter((layer) => !this.known.has(layer.id) && this.state.isOn(layer.id, "left"));
    this.known = new Set(layers.value.map((layer) => layer.id));
    opposite.value = new Set([...opposite.value, ...fresh.map((layer) => layer.id)]);
  }

  private addMap(): void {
    const target = el("div", { id: "map2", role: "application", "aria-label": "Map of the right side" });
    byId("stage").append(target);
    this.second = new OlMap({ target, view: this.main.map.getView(), controls: [] });
    this.basemap = new Basemap(this.state, this.second, true);
  }

  /** The map in which the right side is. */
  private get right(): OlMap {
    return this.second ?? this.main.map;
  }

  /** Where a layer of the swiped map is drawn: layers say it themselves; the scene gives way to another one only. */
  private sideOf(layer: BaseLayer): Side | null {
    const said = layer.get("side") as Side | "scene" | undefined;
    if (said === "scene") return this.view?.layer ? "left" : null;
    return said ?? null;
  }

  private async show(): Promise<void> {
    const { compare, other, look, otherLook, sceneOpacity } = this.state;
    if (compare.value === "none" || !other.value || !otherLook.value) return;
    const same = showsSamePicture(this.state);
    if (same && !this.second) return this.clearScene(); // one picture, whole, under the outlines of both sides
    this.view ??= new SceneView(
      (next, before) => this.placed(next, before),
      (message) => notify(message, "error"),
    );
    await this.view.show(other.value, (same ? look.value : null) ?? otherLook.value, sceneOpacity.value);
    this.main.map.render();
  }

  private placed(next: BaseLayer, before: BaseLayer | null): void {
    if (before) this.right.removeLayer(before);
    // Right above the scene, below the outlines.
    next.setZIndex(1);
    next.set("side", "right");
    this.right.addLayer(next);
  }

  private clearScene(): void {
    if (this.view?.layer) this.right.removeLayer(this.view.layer);
    this.view?.layer?.dispose();
    this.view = null;
    this.main.map.render();
  }

  private end(): void {
    this.clearScene();
    this.curtain?.end();
    this.curtain = null;
    if (this.outlines) {
      this.right.removeLayer(this.outlines.group);
      this.outlines.end();
      this.outlines = null;
    }
    if (this.second) {
      this.basemap?.end();
      this.basemap = null;
      this.second.setTarget(undefined);
      byId("map2").remove();
      this.second = null;
    }
  }
}
