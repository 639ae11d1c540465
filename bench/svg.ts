/** Text as it may stand in a picture. */
export function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}

export interface Picture {
  readonly title: string
  readonly width: number
  readonly height: number
  /** CSS of its classes; `title` is that of the title in the picture. */
  readonly style: string
  /** Where the title begins. */
  readonly x: number
  readonly y: number
  /** Elements. */
  readonly parts: readonly string[]
}

/** An SVG on white with a title. */
export function svg({ title, width, height, style, x, y, parts }: Picture): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<style>${style}</style>`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    `<text x="${x}" y="${y}" class="title">${escaped(title)}</text>`,
    ...parts,
    '</svg>',
    '',
  ].join('\n')
}
