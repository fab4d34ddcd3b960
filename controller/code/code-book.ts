/** What is known of code that is not in Functions themselves. Written by the code controller, read when Functions are reconciled. */
import { createKeyedBook, type KeyedBook } from '../keyed-book.ts'

/** inline: as if it were written in the Function · stored: in objects of its own, see code-parts.ts. */
export type Code = { kind: 'inline'; files: Record<string, string> } | { kind: 'stored'; digest: string }

/** pending: being fetched · unavailable: it cannot be had for now, and why, as a sentence without full stop. */
export type CodeState =
  { kind: 'ready'; code: Code } | { kind: 'pending'; message: string } | { kind: 'unavailable'; message: string }

export interface CodeEntry {
  /** Of the Function. */
  uid: string
  /** sourceIdentity of what it is about. */
  source: string
  state: CodeState
}

export type CodeBook = KeyedBook<CodeEntry>

export const createCodeBook = createKeyedBook<CodeEntry>
