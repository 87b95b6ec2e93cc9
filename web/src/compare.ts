/** Two scenes, dates or recipes against each other: a swipe over one map, or a second map that moves along. */

import OlMap from "ol/Map";
import type BaseLayer from "ol/layer/Base";
import type RenderEvent from "ol/render/Event";
import { getRenderPixel } from "ol/render";
import { Basemap } from "./basemap";
import type { MapView } from "./map";
import { byId, el } from "./dom";
import { notify } from "./notices";
import { OutlineGroup } from "./outline_group";
import { codeOf } from "./projection";
import { SceneView } from "./scene_layer";
import type { State } from "./state";

export class Comparison {
  private view: SceneView | null = null;
  private second: OlMap | null = null;
  private outlines: OutlineGroup | null = null;
  private basemap: Basemap | null = null;
  private share = 0.5;
  private readonly handle: HTMLInputElement;
  /** The edge between the scenes, for the mouse; the handle is its twin for the keyboard. */
  private readonly line: HTMLElement;

  constructor(
    private readonly state: State,
    private readonly main: MapView,
  ) {
    this.handle = el("input", {
      type: "range", min: "0", max: "1000", value: "500", id: "swipe", "aria-label": "Swipe between the scenes", hidden: true,
    });
    this.handle.addEventListener("input", () => this.slide());
    this.line = el("div", { id: "swipe-line", hidden: true });
    this.line.addEventListener("pointerdown", (event) => this.drag(event));
    byId("stage").append(this.handle, this.line);
    main.map.on("change:view", () => this.second?.setView(main.map.getView()));
    state.compare.onChange(() => this.mode());
    for (const each of [state.other, state.otherLook]) each.onChange(() => void this.show());
    state.scene.onChange((scene) => {
      const other = state.other.value;
      if (scene && other && codeOf(scene.crs) !== codeOf(other.crs)) state.compare.value = "none";
    });
  }

  private slide(): void {
    this.share = Number(this.handle.value) / 1000;
    this.line.style.left = `${100 * this.share}%`;
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
    byId("stage").classList.toggle("two", mode === "side");
    this.handle.hidden = this.line.hidden = mode !== "swipe";
    this.slide();
    if (mode === "side") {
      const target = el("div", { id: "map2", role: "application", "aria-label": "Map of the other scene" });
      byId("stage").append(target);
      this.second = new OlMap({ target, view: this.main.map.getView(), controls: [] });
      // Layers of its own: OpenLayers draws a layer in one map only.
      this.outlines = new OutlineGroup(this.state);
      this.basemap = new Basemap(this.state, this.second, true);
      this.second.addLayer(this.outlines.group);
    }
    this.main.map.updateSize();
    void this.show();
  }

  private async show(): Promise<void> {
    const { compare, other, otherLook } = this.state;
    if (compare.value === "none" || !other.value || !otherLook.value) return;
    this.view ??= new SceneView(
      (next, before) => this.placed(next, before),
      (message) => notify(message, "error"),
    );
    await this.view.show(other.value, otherLook.value, 1);
  }

  private placed(next: BaseLayer, before: BaseLayer | null): void {
    const map = this.second ?? this.main.map;
    if (before) map.removeLayer(before);
    // Right above the scene, below the outlines.
    next.setZIndex(1);
    map.addLayer(next);
    if (this.state.compare.value === "swipe") this.clip(next);
  }

  /** Draw the layer right of the handle only. */
  private clip(layer: BaseLayer): void {
    layer.on("prerender" as "change", (event) => this.before(event as unknown as RenderEvent));
    layer.on("postrender" as "change", (event) => {
      const context = (event as unknown as RenderEvent).context;
      if (context instanceof WebGL2RenderingContext) context.disable(context.SCISSOR_TEST);
      else if (context instanceof CanvasRenderingContext2D) context.restore();
    });
  }

  private before(event: RenderEvent): void {
    const [width = 0, height = 0] = this.main.map.getSize() ?? [];
    const from = getRenderPixel(event, [width * this.share, height]);
    const to = getRenderPixel(event, [width, 0]);
    const [left = 0, foot = 0, right = 0, head = 0] = [from[0], from[1], to[0], to[1]];
    const context = event.context;
    if (context instanceof WebGL2RenderingContext) {
      context.enable(context.SCISSOR_TEST);
      context.scissor(Math.round(left), Math.round(Math.min(foot, head)), Math.round(right - left), Math.round(Math.abs(foot - head)));
    } else if (context instanceof CanvasRenderingContext2D) {
      context.save();
      context.beginPath();
      context.rect(left, Math.min(foot, head), right - left, Math.abs(foot - head));
      context.clip();
    }
  }

  private end(): void {
    if (this.view?.layer) (this.second ?? this.main.map).removeLayer(this.view.layer);
    this.view?.layer?.dispose();
    this.view = null;
    if (this.second) {
      this.outlines?.end();
      this.outlines = null;
      this.basemap?.end();
      this.basemap = null;
      this.second.setTarget(undefined);
      byId("map2").remove();
      this.second = null;
    }
  }
}
