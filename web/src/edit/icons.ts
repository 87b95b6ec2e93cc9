/** Icons of the tools, drawn here so that nothing is fetched: paths on a grid of 24. */

const SPACE = "http://www.w3.org/2000/svg";

const NODE = (x: number, y: number): string => `M${x - 2} ${y - 2}h4v4h-4z`;

const PATHS: Record<string, string[]> = {
  hand: ["M8 12V5.5a1.5 1.5 0 0 1 3 0V11V4.5a1.5 1.5 0 0 1 3 0V11V6a1.5 1.5 0 0 1 3 0v8a6 6 0 0 1-6 6c-3 0-4.500-1.500-6-4l-1.800-3a1.400 1.400 0 0 1 2.300-1.600z"],
  select: ["M6 3l12 9-5.500.8L15.500 19l-2.600 1.200-2.800-6L6 17.500z"],
  lasso: ["M12 4c5 0 8.500 2.200 8.500 5.500S17 15 12 15s-8.500-2.200-8.500-5.500S7 4 12 4z", "M8 14.500c-2 .5-2 3 0 3s2.500 2-1 3"],
  vertices: ["M6 17L11 6l8 5", NODE(6, 18), NODE(11, 6), NODE(19, 12)],
  "insert-vertex": ["M4 19L14 9", NODE(4, 19), NODE(14, 9), "M18 14v7M14.500 17.500h7"],
  "delete-vertex": ["M4 19L14 9", NODE(4, 19), NODE(14, 9), "M15.500 15l5 5M20.500 15l-5 5"],
  draw: ["M5 18L4 8l8-4 8 6-4 9z", NODE(5, 18), NODE(4, 8), NODE(12, 4), NODE(20, 10), NODE(16, 19)],
  freehand: ["M4 17c-1-6 3-12 8-12s9 4 7 9-5 2-8 4-6 2-7-1z"],
  reshape: ["M4 20c3-9 8-14 16-16", "M4 20c7-1 14-6 16-16", "M9 10l2 5M8 15h4"],
  split: ["M5 6h14v12H5z", "M9 2l6 20"],
  hole: ["M4 5h16v14H4z", "M9 9h6v6H9z"],
  "brush-add": ["M14 4l6 6-7 7-6-6z", "M7 11c-3 1-2 5-5 6 3 3 8 2 9-2", "M18 15v6M15 18h6"],
  "brush-remove": ["M14 4l6 6-7 7-6-6z", "M7 11c-3 1-2 5-5 6 3 3 8 2 9-2", "M15 19h6"],
  segment: ["M12 3v4M12 17v4M3 12h4M17 12h4", "M8 9c2-2 6-2 8 0s1 6-2 7-7 0-7-3 0-3 1-4z"],
  merge: ["M3 6h8v12H3zM13 6h8v12h-8z", "M8 12h8M13 9l3 3-3 3"],
  glacier: ["M2 19L9 6l4 7 3-4 6 10z", "M6.500 11l2.500 2 2.500-2"],
  simplify: ["M3 17l3-8 3 5 3-9 3 8 3-4 3 8", "M3 21h18"],
  delete: ["M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13", "M10 11v5M14 11v5"],
  undo: ["M9 5L4 10l5 5", "M4 10h10a5 5 0 0 1 0 10h-4"],
  redo: ["M15 5l5 5-5 5", "M20 10H10a5 5 0 0 0 0 10h4"],
};

/** The icon of a tool, hidden from screen readers: its button has a name. */
export function icon(name: string): SVGSVGElement {
  const svg = document.createElementNS(SPACE, "svg");
  for (const [key, value] of Object.entries({ viewBox: "0 0 24 24", width: "20", height: "20", "aria-hidden": "true", focusable: "false" })) {
    svg.setAttribute(key, value);
  }
  svg.setAttribute("class", "edit-icon");
  for (const d of PATHS[name] ?? []) {
    const path = document.createElementNS(SPACE, "path");
    path.setAttribute("d", d);
    svg.append(path);
  }
  return svg;
}
