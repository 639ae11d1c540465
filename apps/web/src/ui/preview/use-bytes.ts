import { useEffect, useState } from 'react'
import { asFailure } from '../../bridge/connect.ts'
import { useVault } from '../../state/vault.tsx'
import { failureText } from '../../strings.ts'
import type { PreviewFile } from './preview-file.ts'

export type Bytes =
  | { readonly state: 'loading' }
  | { readonly state: 'ready'; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly state: 'failed'; readonly text: string }

/** The first bytes of a content. @param most - no more than these */
export function useBytes({ path, size, version }: PreviewFile, most: number): Bytes {
  const { vault, stop } = useVault()
  const [found, setFound] = useState<Bytes>({ state: 'loading' })
  useEffect(() => {
    let current = true
    vault.bytes({ path, version, offset: 0, length: Math.min(size, most) }).then(
      (bytes) => current && setFound({ state: 'ready', bytes }),
      (cause: unknown) => {
        const failure = asFailure(cause)
        stop(failure)
        if (current) setFound({ state: 'failed', text: failureText(failure) })
      },
    )
    return () => {
      current = false
    }
  }, [vault, stop, path, size, version, most])
  return found
}
