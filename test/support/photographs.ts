// Pictures to upload, drawn by sharp: nobody's property, and different from each other.
import { sharp } from '../../src/imaging/sharp.ts'

export interface Photograph {
  readonly name: string
  readonly mimeType: string
  readonly buffer: Buffer
}

/** A JPEG of two colours in stripes. */
export async function photograph(name: string, seed = 1): Promise<Photograph> {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="320" height="240">
    <rect width="320" height="240" fill="hsl(${(seed * 67) % 360} 60% 70%)"/>
    <circle cx="${80 + ((seed * 31) % 160)}" cy="120" r="70" fill="hsl(${(seed * 151) % 360} 70% 40%)"/>
  </svg>`
  const buffer = await sharp(Buffer.from(svg)).jpeg().toBuffer()
  return { name, mimeType: 'image/jpeg', buffer }
}

export async function photographs(count: number): Promise<readonly Photograph[]> {
  return await Promise.all(
    Array.from({ length: count }, (_, index) => photograph(`photo-${index + 1}.jpg`, index + 1)),
  )
}
