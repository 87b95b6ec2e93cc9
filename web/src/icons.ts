/** Icons drawn as lines on a grid of 24, made as elements: no file to load, and no markup from text. */

const PATHS = {
  shown: ["M2 12s3.6-6.5 10-6.5S22 12 22 12s-3.6 6.5-10 6.5S2 12 2 12z", "M12 9.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6z"],
  hidden: ["M4 4l16 16", "M9.5 5.8A11 11 0 0 1 12 5.5C18.4 5.5 22 12 22 12a17 17 0 0 1-3.3 4", "M6 7.6A16.4 16.4 0 0 0 2 12s3.6 6.5 10 6.5a10 10 0 0 0 4-.8"],
  add: ["M12 5v14", "M5 12h14"],
  import: ["M12 4v11", "M7.5 10.5L12 15l4.5-4.5", "M4 19h16"],
  export: ["M12 15V4", "M7.5 8.5L12 4l4.5 4.5", "M4 14v6h16v-6"],
  snapshot: ["M4 8h3.5L9 5.5h6L16.5 8H20v11H4z", "M12 10.5a3 3 0 1 0 0 6 3 3 0 0 0 0-6z"],
  copy: ["M8 8h12v12H8z", "M16 8V4H4v12h4"],
  rename: ["M4 20l1-4L16.5 4.5l3 3L8 19z", "M14.5 6.5l3 3"],
  remove: ["M5 7h14", "M9.5 7V4.5h5V7", "M6.5 7l1 13h9l1-13"],
  extent: ["M4 9V4h5", "M15 4h5v5", "M20 15v5h-5", "M9 20H4v-5"],
  close: ["M6 6l12 12", "M18 6L6 18"],
  cut: ["M12 3v18", "M8 8l-4 4 4 4", "M16 8l4 4-4 4"],
  swap: ["M4 8h15", "M15 4l4 4-4 4", "M20 16H5", "M9 12l-4 4 4 4"],
  one: ["M4 5h16v14H4z"],
  two: ["M4 5h7v14H4z", "M13 5h7v14h-7z"],
} as const;

export type IconName = keyof typeof PATHS;

const SVG = "http://www.w3.org/2000/svg";

export function icon(name: IconName): SVGSVGElement {
  const made = document.createElementNS(SVG, "svg");
  for (const [key, value] of Object.entries({ viewBox: "0 0 24 24", width: "16", height: "16", "aria-hidden": "true", class: "icon" })) {
    made.setAttribute(key, value);
  }
  for (const path of PATHS[name]) {
    const line = document.createElementNS(SVG, "path");
    line.setAttribute("d", path);
    made.append(line);
  }
  return made;
}

/** A button that is an icon; its words are read aloud and shown on hovering. */
export function iconButton(name: IconName, label: string, run: () => void, attributes: Record<string, string> = {}): HTMLButtonElement {
  const made = document.createElement("button");
  for (const [key, value] of Object.entries({ type: "button", class: "tool", title: label, "aria-label": label, ...attributes })) {
    made.setAttribute(key, value);
  }
  made.append(icon(name));
  made.addEventListener("click", run);
  return made;
}
