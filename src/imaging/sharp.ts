// sharp, loaded as CommonJS: its ES module needs import attributes, which Node 20.9 does not know.
import { createRequire } from 'node:module'
import type sharpModule from 'sharp'

export const sharp: typeof sharpModule = createRequire(import.meta.url)('sharp')
