// Encoded bytes of anybody's photograph -> the uint8 RGB crop a network takes. Decoding and
// resizing run on threads of their own; the calling thread only hands bytes over, or resizes a small
// photograph that comes alone.
import type { Cancellation } from '../cancellation.ts'

/** How Pillow names its filters (Image.Resampling), all with antialiasing when they shrink. */
export type Interpolation = 'nearest' | 'box' | 'bilinear' | 'hamming' | 'bicubic' | 'lanczos'

/**
 * torchvision's `Resize(short side)` then `CenterCrop`, with Pillow's arithmetic. Where `cropSize`
 * is not the network's own size, the crop is resized once more to `height` x `width`.
 */
export interface CropRecipe {
  /** Length in pixels that the shorter side gets; `null` stretches the whole image to `cropSize`. */
  readonly resizeShortSide: number | null
  /** Side in pixels of the centre square. */
  readonly cropSize: number
  readonly interpolation: Interpolation
  readonly height: number
  readonly width: number
}

export type ImageFormat = 'jpeg' | 'png' | 'webp' | 'gif' | 'avif' | 'tiff'

export interface DecodedImage {
  /** One crop a recipe, in order: uint8 [height, width, 3], RGB. */
  readonly crops: readonly Uint8Array[]
  readonly format: ImageFormat
  /** SHA-256 of the encoded bytes, base64url. */
  readonly digest: string
  /** Size of the whole image, upright (EXIF orientation applied), in pixels. */
  readonly width: number
  readonly height: number
  /** Milliseconds from the start of decoding to the crops, without the time spent waiting. */
  readonly decodeMs: number
}

export interface ImagingOptions {
  /** Images decoded at the same time. */
  readonly threads: number
  /** Largest image, width x height of the file's header. */
  readonly maxPixels: number
  /** What images may hold together while they are decoded, by their size and format. */
  readonly maxDecodeBytes?: number
  readonly formats: readonly ImageFormat[]
}

export interface DecodeOptions {
  /** Whose image it is, e.g. a model's name: owners take turns. */
  readonly owner?: string
  /** Drops the image while it waits for a thread. */
  readonly signal?: Cancellation
  /** Nobody else waits for anything, so the calling thread may resize a small image itself. */
  readonly isAlone?: boolean
}

export interface Imaging {
  /**
   * Crops of one image, decoded once for all `recipes`. The bytes may be moved to another thread:
   * the caller must not read them afterwards.
   * @throws ServiceError unsupported_image_format, image_too_large, image_undecodable, image_missing (no bytes)
   */
  decode(
    bytes: Uint8Array,
    recipes: readonly CropRecipe[],
    options?: DecodeOptions,
  ): Promise<DecodedImage>
  /** Images waiting for a thread. */
  readonly waiting: number
  /** Milliseconds until an image of `owner` that comes now would be decoded, by the recent ones. */
  forecastMs(owner: string): number
  close(): Promise<void>
}
