const ROW = 8

/** Bytes as rows of eight, each with what can be read of it. */
export function hexDump(bytes: Uint8Array): string {
  const rows: string[] = []
  for (let start = 0; start < bytes.length; start += ROW) {
    const row = [...bytes.subarray(start, start + ROW)]
    const hex = row.map((byte) => byte.toString(16).padStart(2, '0')).join(' ')
    const text = row.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '·')).join('')
    rows.push(`${hex.padEnd(ROW * 3 - 1)}  ${text}`)
  }
  return rows.join('\n')
}
