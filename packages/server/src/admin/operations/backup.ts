import path from 'node:path'
import { z } from 'zod'
import { makeBackup } from '../../domain/backup/backup.ts'
import { defineOperation } from '../operation.ts'

/** `backup`: a consistent copy of everything, made while servers work; blobs that cannot be copied come as items. */
export const backup = defineOperation({
  name: 'backup',
  input: z.strictObject({
    folder: z.string().refine(path.isAbsolute, 'it is not an absolute path'),
    withoutKeys: z.boolean().default(false),
    keep: z.int().min(1).max(10_000).optional(),
  }),
  output: z.object({
    name: z.string(),
    rows: z.number(),
    blobs: z.number(),
    copied: z.number(),
    copiedBytes: z.number(),
    missing: z.number(),
    keyFile: z.boolean(),
    removed: z.number(),
  }),
  async run(deps, input, call) {
    const folder = await deps.openBackupFolder(input.folder)
    const result = await makeBackup(deps, folder, {
      withoutKeys: input.withoutKeys,
      keep: input.keep ?? null,
      signal: call.signal,
      missing: (blob) => call.item({ blob }),
      step: async (done) => {
        call.signal.throwIfAborted()
        await call.progress(done)
      },
    })
    return { ...result }
  },
})
