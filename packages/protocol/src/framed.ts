/**
 * Media type of a body that carries bytes beside its JSON: u32 length of the JSON ‖ JSON ‖ bytes.
 *
 * Reason: base64 inside JSON costs both sides several times what encrypting the same bytes does.
 */
export const FRAMED = 'application/vnd.strongroom.framed'

const LENGTH = 4

/** The beginning of a framed body; its bytes follow. */
export function frameHead(json: string): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder().encode(json)
  const head = new Uint8Array(LENGTH + text.length)
  new DataView(head.buffer).setUint32(0, text.length)
  head.set(text, LENGTH)
  return head
}

/** JSON and bytes of a framed body, as views; null where it is cut short. */
export function unframe(body: Uint8Array): { readonly json: Uint8Array; readonly bytes: Uint8Array } | null {
  if (body.length < LENGTH) return null
  const end = LENGTH + new DataView(body.buffer, body.byteOffset, LENGTH).getUint32(0)
  return end > body.length ? null : { json: body.subarray(LENGTH, end), bytes: body.subarray(end) }
}
