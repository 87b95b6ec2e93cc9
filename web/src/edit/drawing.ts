/** Tools that draw a line or a polygon, and what is made of it: draw, freehand, reshape, split, hole. */

import { unByKey } from "ol/Observable";
import type { EventsKey } from "ol/events";
import type Feature from "ol/Feature";
import { LineString, Polygon } from "ol/geom";
import Draw from "ol/interaction/Draw";

import type { Editor } from "./editor";
import { contains, crossings, distance, edges, nearestEdge, positions, samePosition } from "./geometry";
import type { Edit, Outline, Position } from "./operations";
import { groundReach, heldDown, mainButton, SnapToOutlines } from "./pointing";
import { sketchStyle } from "./style";
import { simplifiedRing } from "./sweep";
import type { Tool } from "./tool";

export interface DrawingKind {
  id: string;
  title: string;
  key: string;
  hint: string;
  type: "Polygon" | "LineString";
  freehand?: boolean;
  /** The correction that the drawing asks for, or why there is none. */
  edit(editor: Editor, points: Position[]): Edit | string;
}

/** A point this near to an edge lies on it: snapping leaves it a rounding to one side or the other. */
const ON_EDGE_M = 0.01;

const onEdge = (outline: Outline, p: Position): boolean => nearestEdge(outline.geometry, p, ON_EDGE_M) !== null;

/** The point a little way from `p` towards `q`. */
function towards(p: Position, q: Position): Position {
  const share = Math.min(0.5, (2 * ON_EDGE_M) / distance(p, q));
  return [p[0] + (q[0] - p[0]) * share, p[1] + (q[1] - p[1]) * share];
}

/** How often a line meets the boundary of an outline: crosses it, or has a point that was pulled onto it. */
function meetings(outline: Outline, line: Position[]): number {
  let count = line.filter((p) => onEdge(outline, p)).length;
  for (const [p, q] of edges(line)) {
    if (samePosition(p, q)) continue;
    const piece = [onEdge(outline, p) ? towards(p, q) : p, onEdge(outline, q) ? towards(q, p) : q];
    count += crossings(outline.geometry, piece);
  }
  return count;
}

/** What the line cuts: the chosen outlines, or with none chosen those it crosses from side to side. */
function cut(editor: Editor, line: Position[]): Outline[] {
  const candidates = editor.selection.size > 0 ? editor.chosen() : editor.shown();
  const counted = candidates.map((outline) => ({ outline, count: meetings(outline, line) })).filter(({ count }) => count >= 2);
  return counted.sort((a, b) => b.count - a.count).map(({ outline }) => outline);
}

function reshape(editor: Editor, line: Position[]): Edit | string {
  // Of several it is the one that the line crosses most often.
  const [target] = cut(editor, line);
  if (!target) return "A reshape line has to cross the outline at least twice";
  return { operation: "reshape", features: [target.id], geometry: { type: "LineString", coordinates: line } };
}

function split(editor: Editor, line: Position[]): Edit | string {
  const features = cut(editor, line).map((outline) => outline.id);
  if (features.length === 0) return "A split line has to cross an outline from side to side";
  return { operation: "split", features, geometry: { type: "LineString", coordinates: line } };
}

function drawn(editor: Editor, ring: Position[]): Edit {
  const geometry = { type: "Polygon" as const, coordinates: [ring] };
  return { operation: "draw", features: [], geometry, class: editor.drawClass, overwrite: editor.overwrite };
}

/** The outline in which a ring lies: its first corner tells, but for those that were pulled onto the outline's edge. */
function enclosing(candidates: Outline[], ring: Position[]): Outline | undefined {
  const within = (outline: Outline, p: Position): boolean => contains(outline.geometry, p) && !onEdge(outline, p);
  for (const p of ring) {
    const found = candidates.find((outline) => within(outline, p));
    if (found) return found;
  }
  return undefined;
}

function hole(editor: Editor, ring: Position[]): Edit | string {
  const target = enclosing(editor.chosen(), ring) ?? enclosing(editor.shown(), ring);
  if (!target) return "A hole has to lie inside an outline";
  const geometry = { type: "Polygon" as const, coordinates: [ring] };
  const edit: Edit = { operation: "hole", features: [target.id], geometry };
  return editor.holeClass === 0 ? edit : { ...edit, class: editor.holeClass };
}

function pointsOf(geometry: Polygon | LineString): Position[] {
  return positions(geometry instanceof Polygon ? geometry.getCoordinates()[0] : geometry.getCoordinates());
}

const FREEHAND_PX = 0.7;

const FINISH = "Click for each point; double-click or Enter ends it, Backspace takes the last back.";

export const DRAWINGS: DrawingKind[] = [
  { id: "draw", title: "Draw polygon", key: "d", hint: FINISH, type: "Polygon", edit: drawn },
  { id: "freehand", title: "Draw freehand", key: "f", hint: "Hold the button down and draw.", type: "Polygon", freehand: true, edit: drawn },
  { id: "reshape", title: "Reshape along a line", key: "r", hint: `Cross the outline, follow the true edge, cross it again. ${FINISH}`, type: "LineString", edit: reshape },
  { id: "split", title: "Split by a line", key: "k", hint: `Cross the outline from side to side. ${FINISH}`, type: "LineString", edit: split },
  { id: "hole", title: "Cut a hole", key: "o", hint: `Draw the hole inside an outline. ${FINISH}`, type: "Polygon", edit: hole },
];

export class DrawingTool implements Tool {
  readonly id: string;
  readonly title: string;
  readonly key: string;
  readonly hint: string;
  readonly edits = true;
  private draw: Draw | null = null;
  private snap: SnapToOutlines | null = null;
  private following: EventsKey | null = null;
  private points = 0;

  constructor(
    private readonly editor: Editor,
    private readonly kind: DrawingKind,
  ) {
    ({ id: this.id, title: this.title, key: this.key, hint: this.hint } = kind);
  }

  start(): void {
    const map = this.editor.place.map;
    const draw = new Draw({
      type: this.kind.type,
      style: () => sketchStyle(this.kind.edit === drawn ? this.editor.drawClass : 0),
      stopClick: true,
      // By itself OpenLayers takes any button for a point, and none while Alt is held, which stops snapping here.
      ...(this.kind.freehand ? heldDown() : { condition: mainButton }),
    });
    draw.on("drawstart", (event) => this.follow(event.feature as Feature<Polygon | LineString>));
    draw.on("drawend", (event) => this.end(event.feature as Feature<Polygon | LineString>));
    this.draw = draw;
    map.addInteraction(draw);
    if (this.kind.freehand) return;
    this.snap = new SnapToOutlines(this.editor);
    map.addInteraction(this.snap);
  }

  /** Tell the area while a polygon is drawn. */
  private follow(feature: Feature<Polygon | LineString>): void {
    const geometry = feature.getGeometry();
    if (!geometry) return;
    this.following = geometry.on("change", () => {
      this.points = pointsOf(geometry).length;
      if (!(geometry instanceof Polygon)) return;
      const isNew = this.kind.edit === drawn;
      this.editor.live(isNew ? geometry.getArea() : -geometry.getArea(), isNew);
    });
  }

  private end(feature: Feature<Polygon | LineString>): void {
    const geometry = feature.getGeometry();
    this.unfollow();
    if (!geometry) return;
    const points = this.fewer(pointsOf(geometry));
    if (points.length < (this.kind.type === "Polygon" ? 4 : 2)) return; // a click without a stroke
    const edit = this.kind.edit(this.editor, points);
    if (typeof edit === "string") this.editor.place.notify(edit, "warning");
    else void this.editor.perform(edit);
  }

  /** A freehand line has a point for every twitch of the hand: those that the screen cannot tell go. */
  private fewer(points: Position[]): Position[] {
    if (!this.kind.freehand) return points;
    return simplifiedRing(points, groundReach(this.editor.place.map, FREEHAND_PX));
  }

  private unfollow(): void {
    if (this.following) unByKey(this.following);
    this.following = null;
    this.points = 0;
    this.editor.live(null);
  }

  stop(): void {
    const map = this.editor.place.map;
    this.unfollow();
    if (this.draw) map.removeInteraction(this.draw);
    if (this.snap) map.removeInteraction(this.snap);
    this.draw = this.snap = null;
  }

  cancel(): boolean {
    if (!this.following) return false;
    // Anew, for else the button, when it is let go, would begin a line from where a freehand one was given up.
    this.stop();
    this.start();
    return true;
  }

  finish(): void {
    const least = this.kind.type === "Polygon" ? 5 : 3; // with the point at the pointer, and the first again
    if (this.following && this.points >= least) this.draw?.finishDrawing();
  }

  back(): boolean {
    if (!this.following) return false;
    this.draw?.removeLastPoint();
    return true;
  }
}
