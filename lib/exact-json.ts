/**
 * JSON that is read only to be written again: a number that a double cannot hold keeps its digits, as ids of 64 bits must. It is no number
 * then, but what `JSON.rawJSON` makes of them.
 */
type Reviver = (key: string, value: unknown, context: { source?: string }) => unknown
/** Not yet in TypeScript's library, nor in Node before 21, where such numbers are rounded as ever. */
const { parse, rawJSON, isRawJSON } = JSON as unknown as {
  parse: (text: string, reviver?: Reviver) => unknown
  rawJSON?: (source: string) => unknown
  isRawJSON?: (value: unknown) => value is { rawJSON: string }
}

/** Digits that a double always keeps. */
const KEPT_DIGITS = 15
/** It may be within a text, too: whoever has none of this is read five times as fast. */
const MAY_LOSE_DIGITS = /[\d.]{16}|\de[+-]?\d{3}/i

export function parseExactly(text: string): unknown {
  if (rawJSON === undefined || !MAY_LOSE_DIGITS.test(text)) return parse(text)
  const exact: Reviver = (_key, value, { source }) =>
    typeof value === 'number' && source !== undefined && isLoss(value, source) ? rawJSON(source) : value
  try {
    return parse(text, exact)
  } catch (error) {
    if (error instanceof RangeError) return parse(text) // Nested too deep for a reviver.
    throw error
  }
}

const isLoss = (value: number, source: string): boolean =>
  !Number.isFinite(value) || (source.length > KEPT_DIGITS && String(value) !== source)

/** For other forms than JSON: a whole number of any size as such, another as near as there is one, or its text. All else as it is. */
export function exactValue(value: unknown): unknown {
  if (isRawJSON?.(value) !== true) return value
  const { rawJSON: source } = value
  if (/^-?\d+$/.test(source)) return BigInt(source)
  return Number.isFinite(Number(source)) ? Number(source) : source
}
