/** Exports: asked for, followed, and given to the browser when they are there. */

import { ROOT, ask, type Export, type Layer, type Snapshot } from "../api";
import { askWith, keepFile } from "../dialogs";
import { el, select } from "../dom";
import { notify, told } from "../notices";
import type { State } from "../state";
import { jobRow } from "./job_row";

const FORMATS: [string, string][] = [
  ["gpkg", "GeoPackage (QGIS, with styles)"],
  ["rgi7", "RGI 7.0"],
  ["glims", "GLIMS (with submission.yaml of the folder)"],
  ["oggm", "OGGM"],
  ["shp", "Shapefile"],
  ["geojson", "GeoJSON"],
  ["geoparquet", "GeoParquet"],
  ["fgb", "FlatGeobuf"],
];
const LISTED = 3;
const WAITED = "firnline.exports";

/** Ask how a layer is wanted, and order it. */
export async function deliver(state: State, layer: Layer): Promise<void> {
  const snapshots = (await told(() => ask<Snapshot[]>("GET", `/inventories/${layer.id}/snapshots`))) ?? [];
  let [format, of] = ["gpkg", ""];
  const states: [string, string][] = [["", "as it is now"], ...snapshots.map((each): [string, string] => [each.id, each.name])];
  const fields = [
    select("Format", FORMATS, format, (value) => (format = value)),
    select("State", states, of, (value) => (of = value)),
  ];
  if (!(await askWith(`Export ${layer.name}`, "Export", ...fields))) return;
  const body = of ? { format, snapshot: of } : { format };
  const job = await told(() => ask<Export>("POST", `/inventories/${layer.id}/exports`, body));
  if (!job) return;
  wait([...waited(), job.id]);
  state.addJob(job);
}

/** The last exports: how far they are, and their files; one that was ordered in this tab is downloaded by itself. */
export function exportsOf(state: State): HTMLElement {
  const list = el("ul", { class: "jobs exports", "data-testid": "exports", "aria-label": "Exports" });
  const follow = (): void => {
    const exports = state.jobs.value.filter((job): job is Export => job.kind === "export");
    list.replaceChildren(...exports.slice(0, LISTED).map(row));
    list.hidden = exports.length === 0;
    for (const job of exports) if (job.ended !== null) end(job);
  };
  state.jobs.follow(follow);
  return list;
}

function row(job: Export): HTMLLIElement {
  const made = jobRow(job, "export");
  if (job.result) made.append(el("a", { href: fileOf(job), download: job.result.file }, `${job.result.file}, ${sizeOf(job.result.size)}`));
  return made;
}

function end(job: Export): void {
  if (!waited().includes(job.id)) return;
  wait(waited().filter((id) => id !== job.id));
  if (job.result) {
    keepFile(fileOf(job), job.result.file);
    notify(`${job.result.file} was written.`, "success");
  } else if (job.state === "failed") {
    notify(`The export failed: ${job.error ?? "see the server's log"}`, "error");
  }
}

function fileOf(job: Export): string {
  return `${ROOT}/jobs/${job.id}/file`;
}

function sizeOf(bytes: number): string {
  return bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} KB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/** What this tab ordered and has not got yet; kept over a reload. */
function waited(): string[] {
  return (sessionStorage.getItem(WAITED) ?? "").split(" ").filter((id) => id !== "");
}

function wait(ids: string[]): void {
  sessionStorage.setItem(WAITED, ids.join(" "));
}
