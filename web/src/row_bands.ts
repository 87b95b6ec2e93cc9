/** Row bands of running predictions: pictures over the scene until the outlines are there. */

import LayerGroup from "ol/layer/Group";
import ImageLayer from "ol/layer/Image";
import ImageStatic from "ol/source/ImageStatic";
import { ask, type Job, type RowBand } from "./api";
import type { ServerEvents } from "./events";
import { told } from "./notices";
import { codeOf } from "./projection";
import type { State } from "./state";

export class RowBands {
  readonly group = new LayerGroup({ zIndex: 6 });
  private readonly drawn = new Set<string>();
  /** Jobs whose earlier bands were asked for: the page may have come when they ran already. */
  private readonly known = new Set<string>();

  constructor(
    private readonly state: State,
    events: ServerEvents,
  ) {
    events.onRowBand((band) => this.draw(band));
    for (const each of [state.jobs, state.scene]) each.onChange(() => this.follow());
    state.overlaysHidden.onChange((hidden) => this.group.setVisible(!hidden));
  }

  private running(): Job[] {
    return this.state.jobs.value.filter((job) => job.state === "running" && job.scene === this.state.scene.value?.id);
  }

  private follow(): void {
    const running = this.running();
    const gone = this.group.getLayers().getArray().filter((layer) => !running.some((job) => job.id === layer.get("job")));
    for (const layer of gone) {
      this.group.getLayers().remove(layer);
      this.drawn.delete(layer.get("image") as string);
      this.known.delete(layer.get("job") as string);
    }
    for (const job of running) {
      if (this.known.has(job.id)) continue;
      this.known.add(job.id);
      void told(() => ask<RowBand[]>("GET", `/jobs/${job.id}/bands`)).then((bands) => bands?.forEach((band) => this.draw(band)));
    }
  }

  private draw(band: RowBand): void {
    const scene = this.state.scene.value;
    if (!scene || this.drawn.has(band.image) || !this.running().some((job) => job.id === band.job)) return;
    this.drawn.add(band.image);
    const source = new ImageStatic({ url: band.image, imageExtent: band.bounds, projection: codeOf(scene.crs), interpolate: false });
    const layer = new ImageLayer({ source });
    layer.setProperties({ job: band.job, image: band.image, side: "left" });
    this.group.getLayers().push(layer);
  }
}
