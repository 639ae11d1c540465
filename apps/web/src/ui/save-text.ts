/** Saves bytes as a file of the user. */
export function saveBytes(name: string, bytes: Uint8Array | string, type = 'application/octet-stream'): void {
  // Reason for the cast: shared memory is never passed here.
  const url = URL.createObjectURL(new Blob([bytes as BlobPart], { type }))
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), 10_000)
}

export function saveText(name: string, text: string): void {
  saveBytes(name, text, 'text/plain')
}
