/** A job as a line of a list: its name, how far it is, and a button that ends it. */

import { ask, type Job } from "../api";
import { button, el } from "../dom";
import { told } from "../notices";

/** `of` says what it works on, or what it is. */
export function jobRow(job: Job, of: string): HTMLLIElement {
  const state = el("span", { class: `state ${job.state}` }, job.state);
  const row = el("li", { class: job.state, "data-job": job.id }, el("strong", {}, job.name), el("small", {}, state, of));
  const said = job.error ?? (job.state === "done" ? "" : job.message || job.state);
  if (said) row.append(el("small", { class: "said" }, said));
  if (job.ended === null) {
    row.append(
      el("progress", { max: "1", value: String(job.progress), "aria-label": `Progress of ${job.name}` }),
      button("Cancel", () => void told(() => ask("DELETE", `/jobs/${job.id}`))),
    );
  }
  return row;
}
