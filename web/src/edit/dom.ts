/** Small builders of page elements; no HTML strings and no inline styles, which the content security policy forbids. */

export type Child = Node | string | null | undefined | false;

export interface Attributes {
  [name: string]: string | number | boolean | ((event: Event) => void) | undefined;
}

/** An element with attributes (`onclick` and the like take functions) and children. */
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.replace(/^on/, ""), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== undefined) element.setAttribute(name, String(value));
  }
  for (const child of children) if (child) element.append(child);
  return element;
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

/** The same with its sign: "+0.0120 km²", "−0.0120 km²". */
export function signedKm2(area: number): string {
  const text = km2(Math.abs(area));
  return area < 0 ? `−${text}` : `+${text}`;
}

/** A time as people here write it. */
export function when(iso: string | null | undefined): string {
  if (!iso) return "at an unknown time";
  const date = new Date(iso);
  return Number.isNaN(date.getTime()) ? iso : date.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}
