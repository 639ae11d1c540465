import { DescribeKeyCommand, type KMSClient, ListAliasesCommand, ListKeysCommand } from '@aws-sdk/client-kms'
import { KeyManagementError } from '../../ports/index.ts'

/** Pages that are looked through: of 1,000 keys or 100 aliases. In accounts with more keys none is looked for. */
const MOST_PAGES = 20

type Ask = <T>(request: (abortSignal: AbortSignal) => Promise<T>) => Promise<T>

/**
 * A key that was made for an alias and never got it, because its server died in between: enabled, without any alias, of
 * this description. Null where there is none, or the server may not list keys.
 *
 * Using another server's key that is about to get its alias is harmless: both then name the same one.
 */
export async function findStray(ask: Ask, client: KMSClient, description: string): Promise<string | null> {
  try {
    const keys = await listAll(async (Marker) => {
      const page = await ask((abortSignal) =>
        client.send(new ListKeysCommand({ Limit: 1000, Marker }), { abortSignal }),
      )
      return { items: (page.Keys ?? []).map((key) => key.KeyId), next: page.NextMarker }
    })
    if (keys === null || keys.length === 0) return null
    const named = await listAll(async (Marker) => {
      const input = new ListAliasesCommand({ Limit: 100, Marker })
      const page = await ask((abortSignal) => client.send(input, { abortSignal }))
      return { items: (page.Aliases ?? []).map((alias) => alias.TargetKeyId), next: page.NextMarker }
    })
    if (named === null) return null
    const taken = new Set(named)
    for (const KeyId of keys) {
      if (KeyId === undefined || taken.has(KeyId)) continue
      const { KeyMetadata } = await ask((abortSignal) =>
        client.send(new DescribeKeyCommand({ KeyId }), { abortSignal }),
      )
      if (KeyMetadata?.KeyState === 'Enabled' && KeyMetadata.Description === description) return KeyId
    }
    return null
  } catch (error) {
    // Reason: the permission to list is not needed for anything else, and a stray key costs a dollar a month, not data.
    if (error instanceof KeyManagementError) return null
    throw error
  }
}

/** All items of all pages; null where there are too many. */
async function listAll<T>(
  ask: (marker: string | undefined) => Promise<{ items: T[]; next: string | undefined }>,
): Promise<T[] | null> {
  const all: T[] = []
  let marker: string | undefined
  for (let pages = 0; pages < MOST_PAGES; pages += 1) {
    const { items, next } = await ask(marker)
    all.push(...items)
    if (next === undefined) return all
    marker = next
  }
  return null
}
