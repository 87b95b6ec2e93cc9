/** An edge across the map: layers are drawn left of it, right of it, or on both sides. */

import { unByKey } from "ol/Observable";
import type { EventsKey } from "ol/events";
import type BaseLayer from "ol/layer/Base";
import type OlMap from "ol/Map";
import type RenderEvent from "ol/render/Event";
import { getRenderPixel } from "ol/render";

export type Side = "left" | "right";

type Rectangle = [number, number, number, number];

export class Curtain {
  /** Where the edge is, as a share of the map's width. */
  share = 0.5;
  private readonly hung = new Map<BaseLayer, EventsKey[]>();
  private readonly cleared = new Set<WebGLRenderingContext>();
  private readonly watching: EventsKey;

  /** `sideOf` is asked for each layer of the map at each frame; null is both sides. */
  constructor(
    private readonly map: OlMap,
    private readonly sideOf: (layer: BaseLayer) => Side | null,
  ) {
    this.watching = map.on("precompose", () => this.hang());
    map.render();
  }

  end(): void {
    unByKey(this.watching);
    for (const keys of this.hung.values()) unByKey(keys);
    this.hung.clear();
    this.map.render();
  }

  /** Layers come and go: look which are there before each frame. */
  private hang(): void {
    this.cleared.clear();
    const here = new Set<BaseLayer>(this.map.getAllLayers());
    for (const [layer, keys] of this.hung) {
      if (here.has(layer)) continue;
      unByKey(keys);
      this.hung.delete(layer);
    }
    for (const layer of here) {
      if (this.hung.has(layer)) continue;
      const keys = [
        layer.on("prerender" as "change", (event) => this.before(event as unknown as RenderEvent, this.sideOf(layer))),
        layer.on("postrender" as "change", (event) => this.after(event as unknown as RenderEvent)),
      ];
      this.hung.set(layer, keys);
    }
  }

  private before(event: RenderEvent, side: Side | null): void {
    const context = event.context;
    const [left, low, width, height] = this.part(event, side);
    if (isWebGL(context)) {
      this.clear(context);
      context.enable(context.SCISSOR_TEST);
      context.scissor(left, low, width, height);
    } else if (context instanceof CanvasRenderingContext2D) {
      context.save();
      context.beginPath();
      context.rect(left, low, width, height);
      context.clip();
    }
  }

  private after({ context }: RenderEvent): void {
    if (isWebGL(context)) context.disable(context.SCISSOR_TEST);
    else if (context instanceof CanvasRenderingContext2D) context.restore();
  }

  /** OpenLayers clears a canvas with the first layer that it draws there: that would leave the other side as it was. */
  private clear(context: WebGLRenderingContext): void {
    if (this.cleared.has(context)) return;
    this.cleared.add(context);
    context.bindFramebuffer(context.FRAMEBUFFER, null);
    context.clearColor(0, 0, 0, 0);
    context.clear(context.COLOR_BUFFER_BIT);
  }

  /** The part of the canvas that is a side: its least corner and its size, in pixels of the canvas. */
  private part(event: RenderEvent, side: Side | null): Rectangle {
    const [width = 0, height = 0] = this.map.getSize() ?? [];
    const edge = width * this.share;
    const [from, to] = side === "left" ? [0, edge] : side === "right" ? [edge, width] : [0, width];
    const [x0 = 0, y0 = 0] = getRenderPixel(event, [from, 0]);
    const [x1 = 0, y1 = 0] = getRenderPixel(event, [to, height]);
    const [left, right] = [Math.round(x0), Math.round(x1)];
    return [left, Math.round(Math.min(y0, y1)), right - left, Math.round(Math.abs(y1 - y0))];
  }
}

/** OpenLayers draws with WebGL 1 or 2, whichever the browser gives. */
function isWebGL(context: unknown): context is WebGLRenderingContext {
  return context instanceof WebGLRenderingContext || context instanceof WebGL2RenderingContext;
}
