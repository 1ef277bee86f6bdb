// Interleaved colours as planes, for graphs that take channels first.

const channels = 3

/**
 * @param values [n, area, 3]
 * @returns a copy as [n, 3, area]
 */
export function toPlanes<Values extends Uint8Array | Float32Array>(
  values: Values,
  area: number,
): Values {
  const planes = values.slice() as Values
  for (let image = 0; image < values.length; image += channels * area) {
    for (let channel = 0; channel < channels; channel++) {
      const plane = image + channel * area
      for (let at = 0; at < area; at++) {
        planes[plane + at] = values[image + at * channels + channel] as number
      }
    }
  }
  return planes
}
