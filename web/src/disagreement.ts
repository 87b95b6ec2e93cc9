/** Areas in which two layers, or two states of one layer, differ: added, removed, reclassified. */

import type Feature from "ol/Feature";
import GeoJSON from "ol/format/GeoJSON";
import VectorLayer from "ol/layer/Vector";
import type OlMap from "ol/Map";
import VectorSource from "ol/source/Vector";
import Fill from "ol/style/Fill";
import Stroke from "ol/style/Stroke";
import Style from "ol/style/Style";
import { ask, type Layer } from "./api";
import { ADDED, RECLASSIFIED, REMOVED, faint } from "./colours";
import { byId, el } from "./dom";
import { iconButton } from "./icons";
import { told, waiting } from "./notices";
import type { Difference, State } from "./state";

type Change = "added" | "removed" | "reclassified";

interface Areas {
  type: "FeatureCollection";
  area_km2: Record<Change, number>;
  features: object[];
}

const COLOURS: Record<Change, string> = { added: ADDED, removed: REMOVED, reclassified: RECLASSIFIED };

/** After this it is said what is being waited for; thousands of outlines that all differ take a minute. */
const SLOW_MS = 600;

export class Disagreement {
  private readonly source = new VectorSource<Feature>({ wrapX: false });
  private readonly layer: VectorLayer;
  private asked = "";
  private active = "";

  constructor(
    private readonly state: State,
    map: OlMap,
  ) {
    const styles = Object.fromEntries(
      Object.entries(COLOURS).map(([change, colour]) => [
        change,
        [
          new Style({ stroke: new Stroke({ color: "rgba(255,255,255,0.8)", width: 2.5 }) }),
          new Style({ fill: new Fill({ color: faint(colour, 0.7) }), stroke: new Stroke({ color: colour, width: 1 }) }),
        ],
      ]),
    );
    this.layer = new VectorLayer({ source: this.source, style: (feature) => styles[feature.get("change") as string], zIndex: 450 });
    map.addLayer(this.layer);
    for (const each of [state.difference, state.active, state.layers]) each.onChange(() => void this.follow());
    state.overlaysHidden.onChange((hidden) => this.layer.setVisible(!hidden));
  }

  private async follow(): Promise<void> {
    const { active, difference } = this.state;
    const layer = active.value;
    const moved = (layer?.id ?? "") !== this.active;
    this.active = layer?.id ?? "";
    // Snapshots are of one layer: they mean nothing to the next one.
    if (moved && difference.value && difference.value.layer === undefined) return void (difference.value = null);
    const against = difference.value;
    if (!layer || !against || against.layer === layer.id) {
      this.asked = "";
      if (against?.layer !== undefined && against.layer === layer?.id) this.state.difference.value = null;
      return this.clear();
    }
    const path = pathOf(layer, against);
    const key = `${path} ${layer.revision} ${this.revisionOf(against.layer)}`;
    if (key === this.asked) return; // the same two states
    this.asked = key;
    const say = waiting();
    const slow = setTimeout(() => say(`${against.title}: the two are being compared …`), SLOW_MS);
    const found = await told(() => ask<Areas>("GET", path));
    clearTimeout(slow);
    say(null);
    if (this.asked !== key) return;
    if (!found) return void (this.state.difference.value = null);
    this.source.clear();
    this.source.addFeatures(new GeoJSON().readFeatures(found));
    this.legend(found, against);
  }

  private revisionOf(id: string | undefined): number {
    return this.state.layers.value.find((layer) => layer.id === id)?.revision ?? 0;
  }

  private clear(): void {
    this.source.clear();
    byId("legend").replaceChildren();
    this.state.onlyDisagreement.value = false;
  }

  private legend(areas: Areas, against: Difference): void {
    const rows = (Object.keys(COLOURS) as Change[]).map((change) =>
      el("li", {}, el("span", { class: `swatch ${change}` }), el("span", {}, change), el("b", {}, `${areas.area_km2[change].toFixed(3)} km²`)),
    );
    const only = el("input", { type: "checkbox" });
    only.checked = this.state.onlyDisagreement.value;
    only.addEventListener("change", () => (this.state.onlyDisagreement.value = only.checked));
    const close = iconButton("close", "Show no differences", () => (this.state.difference.value = null));
    byId("legend").replaceChildren(
      el("div", { class: "head" }, el("h2", {}, against.title), close),
      el("ul", {}, ...rows),
      el("label", { class: "check" }, only, "Only these, no outlines"),
    );
  }
}

function pathOf(layer: Layer, against: Difference): string {
  if (against.layer !== undefined) return `/inventories/${layer.id}/disagreement?with=${against.layer}`;
  const query = new URLSearchParams({ from: against.from ?? "0", ...(against.to === undefined ? {} : { to: against.to }) });
  return `/inventories/${layer.id}/diff?${query.toString()}`;
}
