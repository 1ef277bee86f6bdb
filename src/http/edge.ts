// What every route of the edge is made from; dialects get the same.
import type { Access } from './access.ts'
import type { AnswerBudget } from './answer-budget.ts'
import type { Contract } from './contract.ts'
import type { TensorThread } from './dialects/tensor-thread.ts'
import type { HttpOptions } from './options.ts'
import type { UploadBudget } from './upload-budget.ts'

export interface Edge extends HttpOptions {
  readonly contract: Contract
  readonly uploads: UploadBudget
  readonly answers: AnswerBudget
  readonly access: Access
  readonly tensors: TensorThread
}
