import type { Keys, RewrapResult } from '@strongroom/client'
import type { CommandContext } from '../context.ts'
import { createProgress } from '../progress.ts'
import type { readTransferOptions } from '../transfer-options.ts'

/** Wraps all keys of contents again; cut off, it is finished by the next `keys rotate --epoch`. */
export async function rewrapAll(
  { output }: CommandContext,
  keys: Keys,
  transfer: ReturnType<typeof readTransferOptions>,
): Promise<RewrapResult> {
  const progress = createProgress(output.interactive)
  try {
    return await keys.rewrap({ ...transfer, onProgress: progress.newCall() })
  } finally {
    progress.stop()
  }
}
