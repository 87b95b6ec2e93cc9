/** CRSs as the map has them: a scene's own, in metres. Nothing but a basemap is reprojected in the browser. */

import { Projection, addProjection, get, getTransform, transform } from "ol/proj";
import type { Crs, Extent } from "./api";

export function codeOf(crs: Crs): string {
  return crs.epsg === null ? `firnline:${crs.name}` : `EPSG:${crs.epsg}`;
}

/** The projection of a scene; made where OpenLayers does not know it. */
export function projectionOf(crs: Crs, bounds: Extent): Projection {
  const code = codeOf(crs);
  const known = get(code);
  if (known) return known;
  const [minX, minY, maxX, maxY] = bounds;
  const wide = 20 * Math.max(maxX - minX, maxY - minY);
  const made = new Projection({ code, units: "m", extent: [minX - wide, minY - wide, maxX + wide, maxY + wide] });
  addProjection(made);
  return made;
}

/** Whether OpenLayers knows where on Earth a CRS lies (UTM on WGS 84), so that other maps can be laid beneath. */
export function isOnEarth(crs: Crs): boolean {
  const known = get(codeOf(crs));
  return known !== null && getTransform("EPSG:3857", known) !== null;
}

/** A place in degrees, where OpenLayers can tell it. */
export function degrees(place: number[], code: string): [number, number] | null {
  try {
    const [longitude, latitude] = transform(place, code, "EPSG:4326");
    return longitude === undefined || latitude === undefined || !isFinite(longitude) ? null : [longitude, latitude];
  } catch {
    return null;
  }
}
