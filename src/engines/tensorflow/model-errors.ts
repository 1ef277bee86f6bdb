// TensorFlow's messages about a model, as errors for the operator.
import { ModelError, messageOf } from '../../errors.ts'

/** What TensorFlow said when it read the model. */
export function loadError(model: string, error: unknown): ModelError {
  const text = firstLine(error)
  const refused = (kind: ModelError['kind'], what: string) =>
    new ModelError(kind, `model ${model}: ${what}`, { cause: error })
  if (/Op type not registered|No OpKernel was registered|Unsupported tensor DataType/.test(text)) {
    return refused('unsupported', `TensorFlow cannot run it: ${text}`)
  }
  if (/no such file|not found in checkpoint|NOT_FOUND/i.test(text)) {
    return refused('missing', `TensorFlow misses a part of it: ${text}`)
  }
  return refused('corrupt', `TensorFlow cannot read it: ${text}`)
}

/** A model whose variables a session does not fill: it runs once they are constants. */
export class UnfilledVariableError extends ModelError {}

/** What TensorFlow said when it first ran the model. */
export function runError(model: string, error: unknown): ModelError {
  const text = firstLine(error)
  const variable = /Could not find variable (\S+?)\.? /.exec(text)?.[1]
  if (variable === undefined) {
    return new ModelError('unsupported', `model ${model}: TensorFlow cannot run it: ${text}`, {
      cause: error,
    })
  }
  // tf.saved_model.save leaves the variables of a Keras 3 model out of what a session restores.
  const what =
    `TensorFlow's session API finds no value for its variable ${variable}. Keras 3 models saved ` +
    'with tf.saved_model.save(model) have this defect: save it with model.export(folder)'
  return new UnfilledVariableError('unsupported', `model ${model}: ${what}`, { cause: error })
}

function firstLine(error: unknown): string {
  return messageOf(error).split('\n', 1)[0] ?? ''
}
