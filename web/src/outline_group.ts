/** The layers of outlines of one side, kept in line with the list of the server and with what is shown. */

import LayerGroup from "ol/layer/Group";
import type VectorTileLayer from "ol/layer/VectorTile";
import type { Layer } from "./api";
import { told } from "./notices";
import { outlineLayer, renew, stylesOf } from "./outline_layer";
import type { Side } from "./curtain";
import type { State } from "./state";

export class OutlineGroup {
  readonly group = new LayerGroup();
  private readonly drawn = new Map<string, VectorTileLayer>();
  private readonly asked = new Set<string>();
  private readonly ends: (() => void)[];

  constructor(
    private readonly state: State,
    private readonly side: Side = "left",
  ) {
    this.ends = [state.layers, state.scene].map((each) => each.onChange(() => void this.follow()));
    const see = (): void => this.visibility();
    const { shown, opposite, held, overlaysHidden, active, onlyDisagreement } = state;
    this.ends.push(...[shown, opposite, held, overlaysHidden, active, onlyDisagreement].map((each) => each.onChange(see)));
    void this.follow();
  }

  end(): void {
    for (const end of this.ends) end();
  }

  /** Draw the layers that are in the scene's CRS. */
  private async follow(): Promise<void> {
    const wanted = this.state.layersHere();
    for (const [id, layer] of this.drawn) {
      if (wanted.some((each) => each.id === id)) continue;
      this.group.getLayers().remove(layer);
      this.drawn.delete(id);
    }
    await Promise.all(wanted.map((layer) => this.draw(layer)));
    this.visibility();
  }

  private async draw(layer: Layer): Promise<void> {
    const known = this.drawn.get(layer.id);
    if (known) {
      if (known.get("revision") !== layer.revision) renew(known, layer);
      known.set("revision", layer.revision);
      return;
    }
    if (this.asked.has(layer.id)) return;
    this.asked.add(layer.id);
    const made = await told(() => outlineLayer(layer));
    this.asked.delete(layer.id);
    if (!made) return;
    made.setProperties({ revision: layer.revision, kind: layer.kind, colour: null, side: this.side });
    this.drawn.set(layer.id, made);
    this.group.getLayers().push(made);
  }

  private visibility(): void {
    for (const [id, layer] of this.drawn) {
      const shown = this.state.shownOf(id);
      layer.setVisible(this.isSeen(id));
      layer.setOpacity(shown.opacity);
      if (layer.get("colour") !== shown.colour) {
        layer.set("colour", shown.colour);
        layer.setStyle(stylesOf(layer.get("kind") as Layer["kind"], shown.colour));
      }
      layer.setZIndex(id === this.state.active.value?.id ? 11 : 10); // a layer's own number counts, not the group's
    }
  }

  private isSeen(id: string): boolean {
    const { overlaysHidden, onlyDisagreement, held, compare } = this.state;
    // The editing tools draw on the main map, which holds the right side of a swipe as well.
    const isDrawnElsewhere = id === held.value && (this.side === "left" || compare.value === "swipe");
    return this.state.isOn(id, this.side) && !isDrawnElsewhere && !overlaysHidden.value && !onlyDisagreement.value;
  }
}
