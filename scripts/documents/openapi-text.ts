import { openApiDocument } from '../../packages/protocol/src/openapi.ts'

/** Text of `spec/openapi.json`. */
export function openApiText(): string {
  return `${JSON.stringify(openApiDocument(), null, 2)}\n`
}
