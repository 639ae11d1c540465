import { z } from 'zod'
import { findAccount, findAccountOrTombstone } from '../domain/operators/find-account.ts'
import { AdminError } from './errors.ts'
import type { AdminDeps } from './operation.ts'

/** An account as operators name it: id in hex, or login name. */
export const accountName = z.string().min(1, 'an account is its id or login name').max(254, 'it is too long')

/** The account that is meant. @param options.deleted - whether a deleted one may be @throws AdminError `not_found` */
export async function accountOf(
  deps: AdminDeps,
  name: string,
  options: { deleted?: boolean } = {},
): Promise<Uint8Array> {
  const id = await (options.deleted ? findAccountOrTombstone : findAccount)(deps, name)
  if (id !== null) return id
  throw new AdminError('not_found', 'There is no such account; see them with "strongroom admin users".')
}
