// How many bytes of uploads all requests together may hold: without it 256 waiting images of 20 MiB
// would take 5 GiB. Bytes count when they arrive, not when they are announced, so that clients
// which announce much and send little take nothing from the others.
import { ServiceError } from '../errors.ts'

export interface UploadBudget {
  /** A claim that grows with the bytes of one request. */
  open(): UploadClaim
  readonly usedBytes: number
}

export interface UploadClaim {
  /** @throws ServiceError overloaded, when all requests together hold too much */
  add(bytes: number): void
  release(): void
}

/** @param full makes the error of who finds no room */
export function createUploadBudget(maxBytes: number, full = uploadsFull): UploadBudget {
  let usedBytes = 0
  return {
    get usedBytes() {
      return usedBytes
    },
    open() {
      let claimed = 0
      return {
        add(bytes) {
          // A request alone always fits, however small the budget was set.
          if (usedBytes > claimed && usedBytes + bytes > maxBytes) throw full(maxBytes)
          claimed += bytes
          usedBytes += bytes
        },
        release() {
          usedBytes -= claimed
          claimed = 0
        },
      }
    },
  }
}

function uploadsFull(maxBytes: number): ServiceError {
  return new ServiceError(
    'overloaded',
    `uploads in progress hold all of the ${maxBytes} bytes they may; try again later`,
    { retryAfterS: 1 },
  )
}
