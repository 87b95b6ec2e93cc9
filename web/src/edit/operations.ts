/** What is sent to and comes back from `POST /inventories/{id}/operations`: the words of the API, nothing else. */

export type Position = [number, number];
export type Ring = Position[];

export interface PolygonGeometry {
  type: "Polygon";
  coordinates: Ring[];
}

export interface MultiPolygonGeometry {
  type: "MultiPolygon";
  coordinates: Ring[][];
}

export type Areal = PolygonGeometry | MultiPolygonGeometry;

export interface LineGeometry {
  type: "LineString";
  coordinates: Position[];
}

export interface PointGeometry {
  type: "Point";
  coordinates: Position;
}

export type Geometry = Areal | LineGeometry | PointGeometry;

/** 0 is background: an outline reclassified to it is taken out of the inventory. */
export type OutlineClass = 0 | 1 | 2;

export interface OutlineProperties {
  class: OutlineClass;
  glacier?: string | null;
  version: number;
  area_km2: number;
  probability?: number | null;
  source?: string | null;
}

export interface Outline {
  type: "Feature";
  id: string;
  geometry: Areal;
  properties: OutlineProperties;
}

export interface OutlinePage {
  type: "FeatureCollection";
  features: Outline[];
  revision: number;
  next: string | null;
}

export type OperationName =
  | "draw"
  | "add"
  | "remove"
  | "split"
  | "merge"
  | "reclassify"
  | "assign"
  | "delete"
  | "move_vertices"
  | "insert_vertex"
  | "delete_vertex"
  | "reshape"
  | "hole"
  | "simplify";

export type Move = [Position, Position];

/** What the person did; the outbox adds versions, key, session and name. */
export interface Edit {
  operation: OperationName;
  features: string[];
  geometry?: Geometry;
  moves?: Move[];
  class?: OutlineClass;
  glacier?: string;
  overwrite?: boolean;
  tolerance_m?: number;
}

export interface OperationBody extends Edit {
  expected: Record<string, number>;
  key: string;
  session: string;
  who: string;
  scene: string | null;
  why: string | null;
}

export interface Answer {
  revision: number;
  transaction: number | null;
  features: Outline[];
  removed: string[];
  area_km2: number;
  area_change_km2: number;
}

/** One outline that somebody else changed after the version that an operation was made on. */
export interface Conflict {
  feature: string;
  expected: number;
  current: Outline | null;
  changed_by: string | null;
  changed_at: string | null;
}

/** The name of an operation in a sentence: "Move vertices was refused". */
export function operationTitle(operation: string): string {
  const words = operation.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
