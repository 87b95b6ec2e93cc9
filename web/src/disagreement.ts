/** Only where two layers disagree: added, removed, reclassified, as filled areas. */

import GeoJSON from "ol/format/GeoJSON";
import VectorLayer from "ol/layer/Vector";
import type OlMap from "ol/Map";
import VectorSource from "ol/source/Vector";
import Fill from "ol/style/Fill";
import Stroke from "ol/style/Stroke";
import Style from "ol/style/Style";
import { ask } from "./api";
import { ADDED, RECLASSIFIED, REMOVED } from "./colours";
import { byId, el } from "./dom";
import { told } from "./notices";
import type { State } from "./state";

type Change = "added" | "removed" | "reclassified";

interface Areas {
  type: "FeatureCollection";
  features: { properties: { change: Change; area_km2?: number } }[];
}

const COLOURS: Record<Change, string> = { added: ADDED, removed: REMOVED, reclassified: RECLASSIFIED };

export class Disagreement {
  private readonly source = new VectorSource();
  private readonly layer: VectorLayer;

  constructor(
    private readonly state: State,
    map: OlMap,
  ) {
    const styles = Object.fromEntries(
      Object.entries(COLOURS).map(([change, colour]) => [
        change,
        new Style({ fill: new Fill({ color: `${colour}b0` }), stroke: new Stroke({ color: colour, width: 1 }) }),
      ]),
    );
    this.layer = new VectorLayer({ source: this.source, style: (feature) => styles[feature.get("change") as string], zIndex: 30 });
    map.addLayer(this.layer);
    for (const each of [state.disagreeWith, state.active]) each.onChange(() => void this.compare());
    state.overlaysHidden.onChange((hidden) => this.layer.setVisible(!hidden));
  }

  /** Show the areas of an answer, whatever was compared. */
  draw(areas: Areas, title: string): void {
    this.source.clear();
    this.source.addFeatures(new GeoJSON().readFeatures(areas));
    this.legend(areas, title);
  }

  clear(): void {
    this.source.clear();
    byId("legend").replaceChildren();
  }

  private async compare(): Promise<void> {
    const { active, disagreeWith } = this.state;
    if (!active.value || !disagreeWith.value || active.value.id === disagreeWith.value) {
      this.clear();
      return;
    }
    const path = `/inventories/${active.value.id}/disagreement?with=${disagreeWith.value}`;
    const found = await told(() => ask<Areas>("GET", path));
    if (found) this.draw(found, `against ${this.nameOf(disagreeWith.value)}`);
  }

  private nameOf(id: string): string {
    return this.state.layers.value.find((layer) => layer.id === id)?.name ?? "the other layer";
  }

  private legend(areas: Areas, title: string): void {
    const sums = new Map<Change, number>();
    for (const { properties } of areas.features) {
      sums.set(properties.change, (sums.get(properties.change) ?? 0) + (properties.area_km2 ?? 0));
    }
    const rows = (Object.keys(COLOURS) as Change[]).map((change) => {
      const swatch = el("span", { class: `swatch ${change}` });
      return el("li", {}, swatch, `${change} ${(sums.get(change) ?? 0).toFixed(3)} km²`);
    });
    byId("legend").replaceChildren(el("h2", {}, title), el("ul", {}, ...rows));
  }
}
