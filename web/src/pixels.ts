/**
 * The pixels of a COG as WebGL tiles, with the unknown marked band by band.
 *
 * OpenLayers knows one alpha for all bands of a file: a pixel whose scan line failed but whose height is known would
 * be drawn, black. Here an unknown number is replaced by one that no sensor gives, which styles test for.
 */

import GeoTIFF from "ol/source/GeoTIFF";
import type { Loader } from "ol/source/DataTile";
import type Projection from "ol/proj/Projection";

/** Far below every number that is stored; far from the least float, so that a GPU's rounding does no harm. */
export const UNKNOWN = -1e30;

export interface FileBand {
  /** 1-based in the file. */
  index: number;
  nodata: number | "nan" | null;
}

/** A COG of which the named bands are read, in this order. */
export class Pixels extends GeoTIFF {
  constructor(
    url: string,
    private readonly bands: readonly FileBand[],
    projection: Projection,
    interpolate: boolean,
  ) {
    super({
      // A nodata that no file has: the numbers come as they are stored, and ground beside the image as unknown.
      sources: [{ url, bands: bands.map((band) => band.index), nodata: UNKNOWN }],
      projection,
      normalize: false,
      convertToRGB: false,
      interpolate,
      transition: 0,
    });
  }

  protected override setLoader(loader: Loader): void {
    super.setLoader(async (z, x, y, options) => {
      const data = await loader(z, x, y, options);
      if (data instanceof Float32Array) mark(data, this.bands);
      return data;
    });
  }
}

/** Replace what is unknown; `data` holds the bands and OpenLayers' own alpha, pixel by pixel. */
export function mark(data: Float32Array, bands: readonly FileBand[]): void {
  const stride = bands.length + 1;
  bands.forEach((band, offset) => {
    const nodata = typeof band.nodata === "number" ? Math.fround(band.nodata) : NaN;
    for (let at = offset; at < data.length; at += stride) {
      const value = data[at] ?? NaN;
      if (value !== value || value === nodata || data[at - offset + bands.length] === 0) data[at] = UNKNOWN;
    }
  });
}
