// What model.json may hold, as a JSON Schema.

/** Largest side a recipe may ask for: a crop of it already takes 48 MB. */
const maxSidePixels = 4096

const triple = (item: object) => ({
  type: 'array',
  items: [item, item, item],
  minItems: 3,
  maxItems: 3,
})

const version = { type: 'integer', minimum: 1 }
const percent = { type: 'number', minimum: 0, maximum: 100 }

const preprocess = {
  type: 'object',
  additionalProperties: false,
  properties: {
    resizeShortSide: { type: ['integer', 'null'], minimum: 1, maximum: maxSidePixels },
    cropSize: { type: 'integer', minimum: 1, maximum: maxSidePixels },
    interpolation: {
      type: 'string',
      enum: ['nearest', 'box', 'bilinear', 'hamming', 'bicubic', 'lanczos'],
    },
    rescale: { type: 'number' },
    mean: triple({ type: 'number' }),
    std: triple({ type: 'number', exclusiveMinimum: 0 }),
  },
}

const versionPolicy = {
  type: 'object',
  additionalProperties: false,
  minProperties: 1,
  maxProperties: 1,
  properties: {
    latest: {
      type: 'object',
      additionalProperties: false,
      required: ['numVersions'],
      properties: { numVersions: version },
    },
    all: { type: 'object', maxProperties: 0 },
    specific: {
      type: 'object',
      additionalProperties: false,
      required: ['versions'],
      properties: { versions: { type: 'array', minItems: 1, items: version } },
    },
  },
}

export const manifestSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    labels: { type: 'string', minLength: 1 },
    weights: {
      type: 'object',
      additionalProperties: false,
      required: ['kind'],
      properties: {
        kind: { type: 'string', enum: ['pretrained', 'random', 'custom'] },
        source: { type: 'string' },
        sha256: { type: 'string', pattern: '^[0-9a-f]{64}$' },
        licence: { type: 'string' },
      },
    },
    preprocess,
    versions: {
      type: 'object',
      additionalProperties: version,
      propertyNames: { pattern: '^[A-Za-z][A-Za-z0-9._-]*$' },
    },
    default: { type: ['string', 'integer'], minLength: 1, minimum: 1 },
    versionPolicy,
    traffic: { type: 'object', additionalProperties: percent },
    shadow: {
      type: 'object',
      additionalProperties: false,
      anyOf: [{ required: ['model'] }, { required: ['version'] }],
      properties: {
        model: { type: 'string', minLength: 1 },
        version: { type: ['string', 'integer'] },
        percent,
      },
    },
    output: { type: 'string', minLength: 1 },
  },
}
