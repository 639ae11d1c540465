/** What a PDF made here holds besides its pages; objects are numbered from 100. */
export interface PdfShape {
  readonly pages: number
  /** Text of a page, from 1. */
  readonly text: (page: number) => string
  /** Width and height of a page in points; A4 unless told. */
  readonly size?: (page: number) => readonly [number, number]
  /** Further entries of the catalogue, the first page and the trailer. */
  readonly catalogue?: string
  readonly firstPage?: string
  readonly trailer?: string
  /** Further fonts and pictures of every page by their names, and what is drawn with them below the text. */
  readonly fonts?: string
  readonly pictures?: string
  readonly drawing?: string
  readonly objects?: readonly string[]
}

const A4 = [595, 842] as const

/** A PDF as simple as its specification allows (ISO 32000). */
export function pdfFile(shape: PdfShape): Buffer {
  const { pages, text, size = () => A4, catalogue = '', firstPage = '', trailer = '', objects = [] } = shape
  const { fonts = '', pictures = '', drawing = '' } = shape
  const numbers = Array.from({ length: pages }, (_, index) => 1_000 + 2 * index)
  const all = new Map<number, string>([
    [1, `<< /Type /Catalog /Pages 2 0 R ${catalogue} >>`],
    [2, `<< /Type /Pages /Count ${pages} /Kids [${numbers.map((number) => `${number} 0 R`).join(' ')}] >>`],
    [3, '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>'],
    ...objects.map((object, index): [number, string] => [100 + index, object]),
  ])
  numbers.forEach((number, index) => {
    const [width, height] = size(index + 1)
    const content = `0.06 0.42 0.36 rg 40 ${height - 200} 120 120 re f 0 g BT /F1 28 Tf 40 ${height - 60} Td (${text(index + 1)}) Tj ET ${drawing}`
    const box = `/MediaBox [0 0 ${width} ${height}] /Resources << /Font << /F1 3 0 R ${fonts} >> /XObject << ${pictures} >> >>`
    all.set(
      number,
      `<< /Type /Page /Parent 2 0 R ${box} /Contents ${number + 1} 0 R ${index === 0 ? firstPage : ''} >>`,
    )
    all.set(number + 1, `<< /Length ${content.length} >>\nstream\n${content}\nendstream`)
  })
  const parts = ['%PDF-1.7\n']
  let length = parts[0]?.length ?? 0
  const places: string[] = []
  for (const [number, object] of all) {
    const part = `${number} 0 obj\n${object}\nendobj\n`
    places.push(`${number} 1\n${String(length).padStart(10, '0')} 00000 n \n`)
    parts.push(part)
    length += part.length
  }
  parts.push(`xref\n0 1\n0000000000 65535 f \n${places.join('')}`)
  parts.push(`trailer\n<< /Size ${1_002 + 2 * pages} /Root 1 0 R ${trailer} >>\nstartxref\n${length}\n%%EOF\n`)
  return Buffer.from(parts.join(''), 'latin1')
}
