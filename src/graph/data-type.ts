// Element types of tensors, by the names that TensorFlow, NumPy and ONNX share.

/** Bytes one element takes; `string` has no fixed size and is never stored as bytes here. */
export const elementSizeBytes = {
  float32: 4,
  float64: 8,
  float16: 2,
  bfloat16: 2,
  uint8: 1,
  int8: 1,
  uint16: 2,
  int16: 2,
  int32: 4,
  int64: 8,
  uint32: 4,
  uint64: 8,
  bool: 1,
  string: 0,
} as const

export type DataType = keyof typeof elementSizeBytes
