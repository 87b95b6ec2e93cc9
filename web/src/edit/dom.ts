/** Elements of editing: the page's `el` with handlers and numbers among the attributes, and how figures are written. */

import { el as plain } from "../dom";

type Child = Node | string | null | undefined;

export type Attributes = Record<string, string | number | boolean | undefined | ((event: Event) => void)>;

/** An element; functions among the attributes (`onclick`) listen to the event of their name. */
export function el<K extends keyof HTMLElementTagNameMap>(tag: K, attributes: Attributes = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
  const said: Record<string, string | boolean> = {};
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "string" || typeof value === "boolean") said[name] = value;
    else if (typeof value === "number") said[name] = String(value);
  }
  const made = plain(tag, said, ...children);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name.replace(/^on/, ""), value);
  }
  return made;
}

let made = 0;

/** An id no other element has, for labels. */
export function uniqueId(prefix: string): string {
  made += 1;
  return `${prefix}-${made}`;
}

/** "1.234 km²": four figures, so that a small glacier does not read 0.00. */
export function km2(area: number): string {
  const digits = Math.abs(area) >= 100 ? 1 : Math.abs(area) >= 1 ? 3 : 4;
  return `${area.toFixed(digits)} km²`;
}

/** The same with its sign: "+0.0120 km²", "−0.0120 km²"; nothing has none. */
export function signedKm2(area: number): string {
  const text = km2(Math.abs(area));
  if (Number.parseFloat(text) === 0) return text;
  return area < 0 ? `−${text}` : `+${text}`;
}

/** A time as people here write it. */
export function when(iso: string | null | undefined): string {
  if (!iso) return "at an unknown time";
  const date = new Date(iso);
  return Number.isNaN(date.getTime()) ? iso : date.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}
