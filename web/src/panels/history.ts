/** The past: of the outline that is chosen, and of the layer by its snapshots. */

import { ask, type Past, type Snapshot } from "../api";
import { CLASS_NAMES } from "../colours";
import type { Disagreement } from "../disagreement";
import { button, el, section, select } from "../dom";
import { refreshLayers } from "../events";
import { told } from "../notices";
import type { State } from "../state";

export function historyPanel(state: State, disagreement: Disagreement): HTMLElement {
  const body = el("div", { "data-testid": "history" });
  const draw = (): void => void show(state, disagreement, body);
  for (const each of [state.selection, state.active]) each.onChange(draw);
  draw();
  return section("History", body);
}

async function show(state: State, disagreement: Disagreement, body: HTMLElement): Promise<void> {
  const layer = state.active.value;
  const [chosen, ...more] = state.selection.value;
  if (!layer) return body.replaceChildren(el("p", { class: "quiet" }, "Choose a layer to work on."));
  if (chosen !== undefined && !more.length) {
    const past = await told(() => ask<Past[]>("GET", `/inventories/${layer.id}/features/${chosen}/history`));
    if (past && state.selection.value[0] === chosen) body.replaceChildren(el("ol", { class: "past" }, ...past.map((each) => version(state, chosen, each)).reverse()));
    return;
  }
  const snapshots = await told(() => ask<Snapshot[]>("GET", `/inventories/${layer.id}/snapshots`));
  if (snapshots) body.replaceChildren(...layerPast(state, disagreement, snapshots));
}

function version(state: State, feature: string, past: Past): HTMLLIElement {
  const { properties } = past.feature;
  const made = past.made ? `${past.made.operation} by ${past.made.who}, ${when(past.made.at)}` : "as the layer began";
  const row = el(
    "li",
    {},
    el("strong", {}, `${properties.version}: ${CLASS_NAMES[properties.class] ?? ""}, ${properties.area_km2.toFixed(3)} km²`),
    el("small", {}, made + (past.made?.why ? ` (${past.made.why})` : "")),
  );
  if (past.ended) row.append(button("Make it so again", () => void revert(state, feature, properties.version)));
  return row;
}

async function revert(state: State, feature: string, version: number): Promise<void> {
  const layer = state.active.value;
  if (!layer) return;
  const body = { version, session: state.session, who: state.who.value || "unknown" };
  await told(() => ask("POST", `/inventories/${layer.id}/features/${feature}/revert`, body));
  await refreshLayers(state);
}

function layerPast(state: State, disagreement: Disagreement, snapshots: Snapshot[]): HTMLElement[] {
  const layer = state.active.value;
  if (!layer || !snapshots.length) return [el("p", { class: "quiet" }, "Choose an outline to see its past, or give the layer a snapshot.")];
  const options: [string, string][] = [["", "(nothing)"], ...snapshots.map((each): [string, string] => [String(each.revision), `${each.name}, ${when(each.at)}`])];
  const choice = select("What changed since", options, "", (revision) => {
    if (!revision) return disagreement.clear();
    const path = `/inventories/${layer.id}/diff?from=${revision}&to=${layer.revision}`;
    void told(() => ask<Parameters<Disagreement["draw"]>[0]>("GET", path)).then((found) => {
      if (found) disagreement.draw(found, "since the snapshot");
    });
  });
  return [choice];
}

function when(at: string): string {
  return new Date(at).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}
