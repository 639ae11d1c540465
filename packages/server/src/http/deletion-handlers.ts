import { deleteAccount } from '../domain/deletion/delete-account.ts'
import { readReceipt } from '../domain/deletion/receipts.ts'
import type { Handlers } from './binder.ts'
import type { HandlerDeps } from './handler-deps.ts'

/** Handlers of the deletion of accounts. */
export function deletionHandlers(deps: HandlerDeps): Pick<Handlers, 'accountDelete' | 'receiptRead'> {
  return {
    accountDelete: async ({ body, session }) => ({ receipt: await deleteAccount(deps, session, body) }),
    receiptRead: async ({ body }) => ({ receipt: await readReceipt(deps, body.secret) }),
  }
}
