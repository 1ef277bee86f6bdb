// Parts of every cache's key, apart from the code that they speak of: a start that finds its model in
// the cache does not load that.

/** Changes whenever the same model would convert to another graph (convert.ts). */
export const conversionVersion = 8

/** Changes whenever the same ranges would give another graph (quantize.ts). */
export const quantizeVersion = 1

/** Changes whenever the same graph would give another one in float16 (halve.ts). */
export const halveVersion = 2
