/**
 * A map from the internet beneath a map of ours, where the folder's settings offer some.
 *
 * It is a map of its own under the other one, with the same view: tiles that do not come hold up neither the scene's
 * nor the outlines', which wait in the queue of theirs.
 */

import TileLayer from "ol/layer/Tile";
import OlMap from "ol/Map";
import XYZ from "ol/source/XYZ";
import type { BasemapOffer } from "./api";
import { el } from "./dom";
import { notify } from "./notices";
import { isOnEarth } from "./projection";
import type { State } from "./state";

/** Whoever has sent nothing after so many tries or seconds is left alone. */
const TRIES = 4;
const PATIENCE_MS = 15_000;

export class Basemap {
  private map: OlMap | null = null;
  private parts: HTMLElement[] = [];
  private readonly ends: (() => void)[];
  private key = "";
  private timer: number | undefined;

  /** `quiet` leaves it to another map to say that tiles do not come. */
  constructor(
    private readonly state: State,
    private readonly above: OlMap,
    private readonly quiet = false,
  ) {
    this.ends = [state.basemap, state.scene, state.project].map((each) => each.onChange(() => this.follow()));
    above.on("change:view", () => this.map?.setView(above.getView()));
    this.follow();
  }

  end(): void {
    for (const end of this.ends) end();
    this.clear();
  }

  private follow(): void {
    const { project, basemap, scene } = this.state;
    const offer = project.value?.settings.basemaps.find((each) => each.name === basemap.value);
    const fits = scene.value !== null && isOnEarth(scene.value.crs);
    const key = offer && fits ? offer.name : "";
    if (key === this.key) return;
    this.clear();
    this.key = key;
    if (offer && fits) this.draw(offer);
  }

  private draw(offer: BasemapOffer): void {
    const host = this.above.getTargetElement();
    if (!host) return;
    // Some servers answer nobody who does not say from where they ask; they are told this machine's address alone.
    const source = new XYZ({ url: offer.url, maxZoom: offer.max_zoom, referrerPolicy: "origin", transition: 0 });
    if (!this.quiet) this.watch(source, offer.name);
    const target = el("div", { class: "basemap", "aria-hidden": "true" });
    const words = offer.terms ? el("a", { href: offer.terms, target: "_blank", rel: "noreferrer" }, offer.attribution) : el("span", {}, offer.attribution);
    const credit = el("p", { class: "credit", "data-testid": "credit" }, words);
    host.prepend(target);
    host.append(credit);
    this.parts = [target, credit];
    this.map = new OlMap({ target, layers: [new TileLayer({ source })], view: this.above.getView(), controls: [], interactions: [] });
  }

  /** Say once that tiles do not come; a map of which none came is switched off. */
  private watch(source: XYZ, name: string): void {
    let [came, failed, said] = [false, 0, false];
    const giveUp = (): void => {
      if (said || this.key !== name) return;
      said = true;
      notify(`${name} ${came ? "sends some tiles not at all" : "cannot be loaded, and was switched off"}: your work goes on without.`, "info");
      if (!came) this.state.basemap.value = "";
    };
    source.on("tileloadend", () => (came = true));
    source.on("tileloaderror", () => {
      failed += 1;
      if (failed >= TRIES) giveUp();
    });
    this.timer = window.setTimeout(() => {
      if (!came) giveUp();
    }, PATIENCE_MS);
  }

  private clear(): void {
    window.clearTimeout(this.timer);
    this.map?.setTarget(undefined);
    this.map?.dispose();
    this.map = null;
    for (const part of this.parts) part.remove();
    this.parts = [];
    this.key = "";
  }
}
