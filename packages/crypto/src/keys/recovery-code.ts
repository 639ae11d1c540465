/*
 * [Note: Recovery code]
 * A code of 32 symbols of 5 bits that finds typing errors: the extended Reed–Solomon code [32, 26, 7] over
 * GF(32) = GF(2)[x] / (x⁵ + x² + 1). Position i of the text has the locator i, a field element; a text checks when
 * Σ symbol(i)·i^j = 0 for j = 0 … 5, with 0⁰ = 1, after MASK was taken off its last six symbols. Any six wrong symbols
 * are noticed, any two are located, and of all other texts one in 2³⁰ passes.
 * The mask keeps an all-zero text, and texts of other products that chose the same code, from checking.
 */
const LENGTH = 32
const DATA_LENGTH = 26
const CHECK_LENGTH = LENGTH - DATA_LENGTH
/** "STR0NG" in Crockford base32. */
const MASK: readonly number[] = [25, 26, 24, 0, 21, 16]

const EXP: number[] = []
const LOG: number[] = []
for (let i = 0, value = 1; i < 31; i++) {
  EXP[i] = value
  LOG[value] = i
  value <<= 1
  if (value > 31) value ^= 0b100101
}

/** Appends six check symbols to 26 data symbols (0 … 31). */
export function addCheckSymbols(data: readonly number[]): number[] {
  // Solves the six equations for the six last symbols by Gaussian elimination.
  const target = syndromes([...data, ...new Array<number>(CHECK_LENGTH).fill(0)])
  const rows = target.map((value, j) => [
    ...Array.from({ length: CHECK_LENGTH }, (_, i) => power(DATA_LENGTH + i, j)),
    value,
  ])
  const checks = solve(rows)
  return [...data, ...checks.map((symbol, i) => symbol ^ at(MASK, i))]
}

/** Whether 32 symbols check; if not, the positions (0 … 31) of one or two wrong symbols, or none where unclear. */
export function checkSymbols(symbols: readonly number[]): { valid: boolean; suspects: number[] } {
  const unmasked = symbols.map((symbol, i) => (i < DATA_LENGTH ? symbol : symbol ^ at(MASK, i - DATA_LENGTH)))
  const found = syndromes(unmasked)
  if (found.every((value) => value === 0)) return { valid: true, suspects: [] }
  return { valid: false, suspects: locateOne(found) ?? locateTwo(found) ?? [] }
}

function locateOne(found: readonly number[]): number[] | null {
  for (let position = 0; position < LENGTH; position++) {
    if (explains(found, [[position, at(found, 0)]])) return [position]
  }
  return null
}

function locateTwo(found: readonly number[]): number[] | null {
  const [s0, s1] = [at(found, 0), at(found, 1)]
  for (let a = 0; a < LENGTH; a++) {
    for (let b = a + 1; b < LENGTH; b++) {
      // e_a + e_b = s0 and a·e_a + b·e_b = s1 give e_b = (s1 + a·s0) / (a + b).
      const errorB = multiply(s1 ^ multiply(a, s0), inverse(a ^ b))
      const errors: [number, number][] = [
        [a, s0 ^ errorB],
        [b, errorB],
      ]
      if (explains(found, errors)) return [a, b]
    }
  }
  return null
}

function explains(found: readonly number[], errors: readonly [position: number, error: number][]): boolean {
  return found.every((value, j) => {
    let sum = 0
    for (const [position, error] of errors) sum ^= multiply(error, power(position, j))
    return sum === value
  })
}

function syndromes(symbols: readonly number[]): number[] {
  return Array.from({ length: CHECK_LENGTH }, (_, j) =>
    symbols.reduce((sum, symbol, i) => sum ^ multiply(symbol, power(i, j)), 0),
  )
}

/** Solution of a regular system, given as rows of coefficients followed by the right-hand side. */
function solve(rows: number[][]): number[] {
  for (let column = 0; column < rows.length; column++) {
    const pivot = rows.findIndex((row, i) => i >= column && at(row, column) !== 0)
    const [row, other] = [rows[pivot] ?? [], rows[column] ?? []]
    rows[pivot] = other
    const scale = inverse(at(row, column))
    rows[column] = row.map((value) => multiply(value, scale))
    rows.forEach((current, i) => {
      if (i === column) return
      const factor = at(current, column)
      rows[i] = current.map((value, k) => value ^ multiply(factor, at(rows[column] ?? [], k)))
    })
  }
  return rows.map((row) => at(row, rows.length))
}

function multiply(a: number, b: number): number {
  if (a === 0 || b === 0) return 0
  return at(EXP, (at(LOG, a) + at(LOG, b)) % 31)
}

function inverse(a: number): number {
  return at(EXP, (31 - at(LOG, a)) % 31)
}

function power(base: number, exponent: number): number {
  let result = 1
  for (let i = 0; i < exponent; i++) result = multiply(result, base)
  return result
}

function at(values: readonly number[], index: number): number {
  const value = values[index]
  if (value === undefined) throw new RangeError('index outside of the code')
  return value
}
