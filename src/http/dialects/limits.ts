// What one request of a dialect may hold.

/** Tensors of one request; the same as Triton's --http-max-input-size. */
export const maxTensorBytes = 64 * 1024 * 1024
/** Of JSON, which takes far more memory than its bytes while it is read. */
export const maxJsonTensorBytes = 32 * 1024 * 1024
/** Images of one request. */
export const maxImages = 256
