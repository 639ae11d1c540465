import { z } from 'zod'
import { VERIFY_PARTS, type VerifyPart, verifyService } from '../../domain/verification/verify.ts'
import { defineOperation } from '../operation.ts'

const PLACE = /^([a-z]+)(?::([0-9a-f]{32}))?$/

const place = z
  .string()
  .refine((text) => parsePlace(text) !== null, 'it is not a place that an earlier run has printed')
  .transform((text) => parsePlace(text))

function parsePlace(text: string): { part: VerifyPart; after: Uint8Array } | null {
  const [, name, id] = PLACE.exec(text) ?? []
  const part = VERIFY_PARTS.find((candidate) => candidate === name)
  return part === undefined ? null : { part, after: Buffer.from(id ?? '', 'hex') }
}

/** `verify`: database, blob store and commits against each other; problems come as items. */
export const verify = defineOperation({
  name: 'verify',
  input: z.strictObject({
    deep: z.boolean().default(false),
    keys: z.boolean().default(false),
    after: place.optional(),
  }),
  output: z.object({
    examined: z.record(z.enum(VERIFY_PARTS), z.number()),
    problems: z.number(),
    frozen: z.number().nullable(),
    store: z.object({ objects: z.number(), bytes: z.number(), withoutRow: z.number(), deleted: z.number() }).nullable(),
  }),
  async run(deps, input, call) {
    const result = await verifyService(deps, {
      deep: input.deep,
      keys: input.keys,
      from: input.after ?? null,
      signal: call.signal,
      report: (problem) => call.item({ ...problem }),
      step: async ({ part, last, examined }) => {
        call.signal.throwIfAborted()
        await call.progress({ part, place: last === '' ? part : `${part}:${last}`, examined })
      },
    })
    return { ...result, store: result.store === null ? null : { ...result.store } }
  },
})
