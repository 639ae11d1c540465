/**
 * Media type of a body that carries bytes beside its JSON: u32 length of the JSON ‖ JSON ‖ bytes.
 *
 * Reason: base64 inside JSON costs both sides several times what encrypting the same bytes does.
 */
export const FRAMED = 'application/vnd.strongroom.framed'

const LENGTH = 4

/** A framed body; the pieces follow the JSON in their order. */
export function frame(json: string, pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const head = new TextEncoder().encode(json)
  const length = pieces.reduce((sum, piece) => sum + piece.length, LENGTH + head.length)
  const body = new Uint8Array(length)
  new DataView(body.buffer).setUint32(0, head.length)
  body.set(head, LENGTH)
  let at = LENGTH + head.length
  for (const piece of pieces) {
    body.set(piece, at)
    at += piece.length
  }
  return body
}

/** JSON and bytes of a framed body, as views; null where it is cut short. */
export function unframe(body: Uint8Array): { readonly json: Uint8Array; readonly bytes: Uint8Array } | null {
  if (body.length < LENGTH) return null
  const end = LENGTH + new DataView(body.buffer, body.byteOffset, LENGTH).getUint32(0)
  return end > body.length ? null : { json: body.subarray(LENGTH, end), bytes: body.subarray(end) }
}
