/** The server's API: its words as types, and one function to call it. Failures are `ApiError` with the problem told. */

export interface Crs {
  epsg: number | null;
  name: string;
  proj4: string;
}

export type Extent = [number, number, number, number];

export interface Band {
  name: string;
  index: number;
  scale: number;
  offset: number;
  nodata: number | "nan" | null;
  unit: string;
  low: number | null;
  high: number | null;
}

export interface Recipe {
  id: string;
  title: string;
  kind: "rgb" | "ramp" | "shade";
  bands: string[];
  expression: string | null;
  low: number | null;
  high: number | null;
}

export interface Scene {
  id: string;
  name: string;
  sensor: string | null;
  date: string | null;
  level: string;
  crs: Crs;
  bounds: Extent;
  resolution: number;
  width: number;
  height: number;
  bands: Band[];
  recipes: Recipe[];
}

/** A raster that is no scene, and why. */
export interface LeftOut {
  name: string;
  why: string;
}

/** Whether a scene can be looked at at once, or how far the copy is that the browser reads well. */
export interface Display {
  is_ready: boolean;
  step: string | null;
  share: number | null;
  seconds: number | null;
}

export interface Finding {
  severity: string;
  title: string;
  detail: string;
  do: string;
}

export interface TileGridAnswer {
  origin: [number, number];
  resolutions: number[];
  tile_size: number;
}

export interface Layer {
  id: string;
  name: string;
  kind: "inventory" | "proposal" | "reference";
  crs: Crs;
  bounds: Extent | null;
  count: number;
  area_km2: number;
  revision: number;
  scene: string | null;
  model: string | null;
  created: string;
}

export interface NewLayer {
  name: string;
  scene: string;
  file?: string;
  inventory?: string;
  kind?: "inventory" | "reference";
}

export interface VectorFile {
  id: string;
  name: string;
  features: number | null;
  crs: string | null;
  problem?: string | null;
}

/** A row band of a prediction that is mapped: its picture and where it lies. */
export interface RowBand {
  job: string;
  image: string;
  bounds: Extent;
}

export interface Model {
  id: string;
  name: string;
  kind: string;
  classes: string[];
  resolution: number[];
  required: string[];
  optional: string[];
  card: Record<string, unknown>;
  problems: Record<string, string>;
}

export type JobState = "queued" | "running" | "done" | "failed" | "cancelled";

export interface PredictionResult {
  inventory: string;
  rasters: string[];
  marks: string[];
  unknown_share: number;
}

interface AnyJob {
  id: string;
  name: string;
  state: JobState;
  progress: number;
  message: string;
  scene: string | null;
  model: string | null;
  area: object | null;
  created: string;
  ended: string | null;
  error: string | null;
}

export interface Prediction extends AnyJob {
  kind: "predict";
  result: PredictionResult | null;
}

export interface Export extends AnyJob {
  kind: "export";
  result: { file: string; size: number } | null;
}

export type Job = Prediction | Export;

export interface Transaction {
  id: number;
  revision: number;
  at: string;
  who: string;
  operation: string;
  scene: string | null;
  why: string | null;
  features: string[];
}

export interface Snapshot {
  id: string;
  name: string;
  revision: number;
  at: string;
  who: string;
}

export interface Past {
  feature: { id: string; geometry: unknown; properties: { class: number; version: number; area_km2: number } };
  made: Transaction | null;
  ended: Transaction | null;
}

/** A map from the internet that may lie beneath the scene. */
export interface BasemapOffer {
  name: string;
  url: string;
  attribution: string;
  terms: string | null;
  max_zoom: number;
}

export interface Project {
  name: string;
  version: string;
  demo: boolean;
  settings: { basemaps: BasemapOffer[] };
}

export interface Problem {
  title: string;
  status: number;
  detail: string;
}

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly problem: Problem,
  ) {
    super(problem.detail || problem.title);
  }
}

export const ROOT = "/api/v1";

/** Ask the server; `ApiError` where it refuses, `TypeError` where it cannot be reached. */
export async function ask<T>(method: "GET" | "POST" | "PATCH" | "DELETE", path: string, body?: unknown): Promise<T> {
  const response = await send(method, path, body);
  return (response.status === 204 ? undefined : await response.json()) as T;
}

async function send(method: string, path: string, body: unknown): Promise<Response> {
  const response = await fetch(ROOT + path, {
    method,
    headers: body === undefined ? {} : { "content-type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (!response.ok) throw new ApiError(response.status, await problemOf(response));
  return response;
}

async function problemOf(response: Response): Promise<Problem> {
  try {
    return (await response.json()) as Problem;
  } catch {
    return { title: response.statusText, status: response.status, detail: `the server answered ${response.status}` };
  }
}
