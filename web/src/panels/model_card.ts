/** What a model is: what it maps and needs, what it was trained on, how well it did. */

import type { Model } from "../api";
import { el } from "../dom";

/** The card, folded but for why it cannot map this scene. */
export function cardOf(model: Model, problem: string | undefined): HTMLElement[] {
  const { metrics, about, training, members, ...rest } = model.card;
  const facts = {
    kind: model.kind,
    maps: model.classes,
    needs: model.required,
    uses: model.optional,
    pixel: model.resolution.map((metres) => `${metres} m`),
    ...rest,
  };
  const parts = [list(facts)];
  if (typeof about === "string") parts.unshift(el("p", {}, about));
  if (isRecord(training)) parts.push(el("h3", {}, "Training"), list(training));
  if (isRecord(metrics)) parts.push(el("h3", {}, "Measured"), list(metrics));
  if (Array.isArray(members) && members.length) parts.push(el("h3", {}, "Made of"), el("p", {}, members.map((each) => written(isRecord(each) ? each["name"] : each)).join(", ")));
  const warned = problem === undefined ? [] : [el("p", { class: "warning", role: "status" }, `Cannot map this scene: ${problem}`)];
  return [...warned, el("details", {}, el("summary", {}, "About this model"), ...parts)];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

function list(facts: Record<string, unknown>): HTMLElement {
  const rows = Object.entries(facts)
    .map(([name, value]): [string, string] => [name.replaceAll("_", " "), written(value)])
    .filter(([, value]) => value !== "")
    .flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]);
  return el("dl", {}, ...rows);
}

/** A fact as text; empty where there is none. */
function written(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (Array.isArray(value)) return value.map(written).filter(Boolean).join(", ");
  if (isRecord(value)) return Object.entries(value).map(([name, each]) => `${name.replaceAll("_", " ")} ${written(each)}`).join("; ");
  return typeof value === "number" && !Number.isInteger(value) ? String(Number(value.toPrecision(4))) : String(value);
}
