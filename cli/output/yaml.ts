/**
 * Values as YAML for everybody: kubectl and Helm read by the rules of YAML 1.1, where yes is a boolean and 1_000 a number, we by those of 1.2.
 * What is of another type for any of them is quoted, and what they take in no file is escaped.
 */
import { Document, visit } from 'yaml'
import { exactValue } from '../../lib/exact-json.ts'
import { unicodeEscape } from '../../lib/unicode-escape.ts'

const WORDS = /^(?:y|yes|n|no|on|off|true|false|null|nan|=|<<)$/i
/** Numbers of any base with underscores, infinity, times, dates. */
const NUMBERS = /^[-+.]*(?:inf|[0-9][0-9a-fox_.:+-]*)$/i
/** Their block scalars begin with no tab, and hold more than spaces. */
const NO_BLOCK = /^(?:\t|[ \n]+$)/
/** Beside those that are escaped for 1.2: control characters, and line ends of 1.1 only. */
const UNPRINTABLE = /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g

export function toYaml(value: unknown): string {
  const document = new Document(value, (_key, each) => exactValue(each))
  visit(document, {
    Scalar(_, scalar) {
      if (typeof scalar.value === 'string' && isQuoted(scalar.value)) scalar.type = 'QUOTE_DOUBLE'
    },
  })
  return document.toString({ lineWidth: 0 }).replace(UNPRINTABLE, unicodeEscape)
}

function isQuoted(text: string): boolean {
  return [WORDS, NUMBERS, NO_BLOCK, UNPRINTABLE].some((pattern) => text.search(pattern) >= 0)
}
