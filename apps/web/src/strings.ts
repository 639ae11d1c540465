import { AUTH } from './strings/auth.ts'
import { DRIVE } from './strings/drive.ts'
import { FAILURES } from './strings/failures.ts'
import { FILES } from './strings/files.ts'
import { PREVIEW } from './strings/preview.ts'
import { SECURITY } from './strings/security.ts'
import { SHORTCUTS } from './strings/shortcuts.ts'
import { TRANSFERS } from './strings/transfers.ts'
import type { VaultFailure } from './worker/vault-api.ts'

/** Every text of the app, by area. */
export const TEXT = {
  product: 'Strongroom',
  tagline: 'Files that only you can read.',
  promise: [
    'Your files are encrypted on this device before they leave it. The server keeps what it cannot read.',
    'There is no reset by e-mail: only your password or your recovery key opens your files.',
    'A web page can be replaced by whoever serves it. Who distrusts the operator uses the command line.',
  ],
  ...AUTH,
  ...DRIVE,
  ...FILES,
  ...PREVIEW,
  ...TRANSFERS,
  ...SECURITY,
  ...SHORTCUTS,
  ...FAILURES,
} as const

/** What to tell of a failure: the most special thing that is known of it. */
export function failureText({ code, details }: Pick<VaultFailure, 'code'> & Partial<VaultFailure>): string {
  const known = [details?.reason, details?.answer, code].map(String).find((name) => Object.hasOwn(TEXT.errors, name))
  return TEXT.errors[known ?? 'internal'] ?? ''
}
