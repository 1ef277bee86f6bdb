// What is thrown where operands do not fit an operator: only its caller knows the node to name.

/** The message continues "node … (Op)", as in operation.ts. */
export class OperandError extends Error {}
