import type { Database, Statement } from '../../lib/sqlite/database.ts'
import { cutResult, type InvocationLedger, type InvocationState } from '../invocation-ledger.ts'
import type { Writer } from './writer.ts'

export class SqliteLedger implements InvocationLedger {
  readonly #writer: Writer
  readonly #now: () => number
  readonly #put: Statement
  readonly #get: Statement

  constructor({ database, writer, now }: { database: Database; writer: Writer; now: () => number }) {
    this.#writer = writer
    this.#now = now
    this.#put = database.prepare('INSERT OR REPLACE INTO invocations VALUES (?, ?, ?, ?)')
    this.#get = database.prepare('SELECT state, body FROM invocations WHERE id = ?')
  }

  put({ result, ...state }: InvocationState): Promise<void> {
    const cut = result && cutResult(result)
    const { body = null, ...about } = cut ?? {}
    const text = JSON.stringify(cut === undefined ? state : { ...state, result: about })
    return this.#writer.write(() => void this.#put.run(state.id, this.#now(), text, body))
  }

  async get(id: string): Promise<InvocationState | undefined> {
    const row = this.#get.get(id)
    if (row === undefined) return undefined
    const state = JSON.parse(String(row['state'])) as InvocationState
    if (state.result === undefined) return state
    return { ...state, result: { ...state.result, body: Buffer.from((row['body'] ?? []) as Uint8Array) } }
  }
}
