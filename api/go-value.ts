/** Values in messages as Go prints them, which is how the API server does. */

/** Text is quoted as by %q, everything else is JSON. */
export function goValue(value: unknown): string {
  if (typeof value === 'string') return `"${value.replace(NOT_AS_IS, escaped)}"`
  const json = JSON.stringify(value) ?? 'null'
  return json.replace(/[<>&\u2028\u2029]/g, (char) => `\\u${hex(char, 4)}`)
}

/** Quote, backslash, and what strconv.IsPrint does not take for printable. */
const NOT_AS_IS = /["\\]|[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu

const NAMED: Record<string, string> = {
  '"': '\\"',
  '\\': '\\\\',
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
}

function escaped(char: string): string {
  const named = NAMED[char]
  if (named !== undefined) return named
  const code = char.codePointAt(0) ?? 0
  if (code < 0x80) return `\\x${hex(char, 2)}`
  return code < 0x10000 ? `\\u${hex(char, 4)}` : `\\U${hex(char, 8)}`
}

function hex(char: string, digits: number): string {
  return (char.codePointAt(0) ?? 0).toString(16).padStart(digits, '0')
}
