import { AdminError } from './errors.ts'
import type { AdminCall, AdminDeps, AdminOperation } from './operation.ts'

/** A call as it comes from outside: nothing in it is checked yet. */
export interface AdminRequest {
  readonly operation: string
  readonly input: unknown
}

/** @throws AdminError `upgrade_required` for an operation that this version does not have */
export function findOperation(operations: readonly AdminOperation[], name: string): AdminOperation {
  const operation = operations.find((candidate) => candidate.name === name)
  if (operation !== undefined) return operation
  throw new AdminError('upgrade_required', 'The server does not know this operation; upgrade the older side.')
}

/**
 * Checks a call's input, runs it and checks its output.
 *
 * @throws AdminError `usage` that names the field, and what the operation throws
 */
export async function runOperation(
  operations: readonly AdminOperation[],
  deps: AdminDeps,
  request: AdminRequest,
  call: AdminCall,
): Promise<unknown> {
  const operation = findOperation(operations, request.operation)
  const input = operation.input.safeParse(request.input)
  if (!input.success) {
    const issue = input.error.issues[0]
    const field = (issue?.path ?? []).map(String).join('.')
    throw new AdminError('usage', `The input ${field} is not valid: ${issue?.message ?? 'it cannot be read'}.`)
  }
  call.signal.throwIfAborted()
  return operation.output.parse(await operation.run(deps, input.data, call))
}
