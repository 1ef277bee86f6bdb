// Every size that a model file may ask for, what is allowed, and why: a hostile model must end in a
// ModelError, never in exhausted memory or a hang (CWE-400, CWE-770, CWE-674).

const kib = 1024
const mib = 1024 * kib

/** A protobuf message cannot be longer: its lengths are signed 32-bit numbers in every reader. */
export const maxModelFileBytes = 2 ** 31 - 1

/**
 * Memory that the decoded messages may take, estimated before decoding (message-cost.ts). A 2-byte
 * empty message becomes an object of hundreds of bytes, so a file's size alone bounds nothing.
 * A Keras ResNet50 is estimated at 29 MiB, an EfficientNetB0 at 46 MiB; the truth is about a third.
 */
export const maxDecodedBytes = 1024 * mib

/** Nesting of messages; exports of Keras and TensorFlow 1 nest 9 to 11 deep. */
export const maxMessageDepth = 32

/** Function calls inside function calls; what people export nests 2 to 10 deep. */
export const maxCallDepth = 64

/** Nodes after inlining: 2^n calls fit in n small functions. An EfficientNetB0 has 1,760. */
export const maxNodes = 200_000

/** Steps along inputs, results and calls while the graph is traced; bounds time as maxNodes bounds memory. */
export const maxTraceSteps = 10 * maxNodes

/** Characters of one node's name; longer ones are no mistake of a person. */
export const maxNameLength = 4 * kib

/** Characters of all names after inlining, where each call adds a prefix to its nodes' names. */
export const maxNameCharacters = 64 * mib

/** Dimensions of a tensor: TensorFlow's own limit (TensorShape::MaxDimensions). */
export const maxRank = 254

/**
 * Bytes that constants stated by fewer values than elements ("the last value repeats") may expand
 * to, all together: ten bytes of file can ask for any amount. Real ones are masks and zeroed biases.
 */
export const maxRepeatedBytes = 64 * mib

/** A checkpoint's index: 100 bytes a tensor, and an object graph of a few MB at most. */
export const maxIndexFileBytes = 256 * mib

/** Bytes of all index blocks uncompressed; many handles may point to one block. */
export const maxIndexBytes = 256 * mib

/** Keys of a checkpoint name variables; prefix compression lets 3 bytes of file make a key of any length. */
export const maxKeyBytes = 4 * kib

/** Bytes of all keys that are spelled out while an index is searched. */
export const maxKeyBytesTotal = 64 * mib

/** Memory of one decoded index entry (message-cost.ts), which holds a shape and six numbers. */
export const maxEntryBytes = 256 * kib

/** What each entry of an index counts against maxKeyBytesTotal beside its key: bounds their number. */
export const entryOverheadBytes = 256

/** Data files of one checkpoint; the format's file names have five digits. */
export const maxShards = 99_999

/** A tensor that is put together from parts, before the parts are seen: larger than any layer's weights. */
export const maxPartedBytes = 1024 * mib

/** Nodes looked at to find what decides a TensorFlow 1 conditional: a branch is a layer, not a network. */
export const maxGateSearch = 1_000
