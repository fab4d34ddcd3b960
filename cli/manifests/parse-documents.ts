/**
 * Text of a manifest file → documents that know where each field stands. JSON is read as the YAML it is.
 * Knows nothing of Dormouse's kinds; lists (`kind: List`) are unfolded.
 */
import { isMap, isPair, isScalar, LineCounter, parseAllDocuments, type Document, type Node } from 'yaml'
import { isRecord } from '../../api/record.ts'
import { errorText } from '../../lib/error-text.ts'
import type { ManifestMistake } from '../cli-error.ts'

export type FieldPath = readonly (string | number)[]

export interface Place {
  line: number
  column: number
}

export interface ManifestDocument {
  value: Record<string, unknown>
  /** Where a field stands; for one that is missing, where its nearest parent stands. */
  locate(path: FieldPath): Place
}

export interface ParsedText {
  documents: ManifestDocument[]
  mistakes: ManifestMistake[]
}

export function parseDocuments(file: string, text: string): ParsedText {
  const lines = new LineCounter()
  const parsed = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, merge: true })
  const result: ParsedText = { documents: [], mistakes: [] }
  for (const document of 'empty' in parsed ? [] : parsed) readDocument({ file, document, lines, result })
  return result
}

interface Reading {
  file: string
  document: Document.Parsed
  lines: LineCounter
  result: ParsedText
}

function readDocument({ file, document, lines, result }: Reading): void {
  const fault = document.errors[0]
  if (fault !== undefined) {
    const place = placeAt(lines, fault.pos[0])
    result.mistakes.push({ file, ...place, message: firstLine(fault.message) })
    return
  }
  const locate = (path: FieldPath) => placeAt(lines, offsetOf(document, path))
  let value: unknown
  try {
    value = toPlain(document)
  } catch (error) {
    result.mistakes.push({ file, ...locate([]), message: errorText(error) })
    return
  }
  if (value === null || value === undefined) return
  if (!isRecord(value)) {
    const got = Array.isArray(value) ? 'a list' : shortened(JSON.stringify(value))
    result.mistakes.push({ file, ...locate([]), message: `expected an object with apiVersion and kind, got ${got}` })
    return
  }
  result.documents.push(...unfold(value, locate))
}

function unfold(value: Record<string, unknown>, locate: ManifestDocument['locate']): ManifestDocument[] {
  if (value.kind !== 'List' || !Array.isArray(value.items)) return [{ value, locate }]
  return value.items.flatMap((item: unknown, index) =>
    isRecord(item) ? [{ value: item, locate: (path: FieldPath) => locate(['items', index, ...path]) }] : [],
  )
}

/** Throws where an alias leads nowhere, or to what it stands in itself, or is one of too many. */
function toPlain(document: Document.Parsed): unknown {
  const value: unknown = document.toJS({ maxAliasCount: 100 })
  try {
    JSON.stringify(value)
    return value
  } catch (cause) {
    throw new Error('an alias stands inside of what it stands for', { cause })
  }
}

function offsetOf(document: Document.Parsed, path: FieldPath): number {
  let node: unknown = document.contents
  let offset = rangeStart(node) ?? 0
  for (const part of path) {
    const key = isMap(node)
      ? node.items.find((pair) => isPair(pair) && keyText(pair.key) === String(part))?.key
      : undefined
    const next: unknown = (node as { get?: (key: unknown, keep: true) => unknown } | null)?.get?.(part, true)
    const start = rangeStart(key) ?? rangeStart(next)
    if (start === undefined) return offset
    offset = start
    node = next
  }
  return offset
}

const keyText = (key: unknown) => (isScalar(key) ? String(key.value) : undefined)
const rangeStart = (node: unknown) => (node as Node | null | undefined)?.range?.[0]

function placeAt(lines: LineCounter, offset: number): Place {
  const { line, col } = lines.linePos(offset)
  return { line: Math.max(line, 1), column: Math.max(col, 1) }
}

const SHOWN_CHARACTERS = 60

function shortened(text: string): string {
  return text.length <= SHOWN_CHARACTERS ? text : `${text.slice(0, SHOWN_CHARACTERS)}…`
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? text
}
