/** A watch's answer as events. */
import { isRecord } from '../../api/record.ts'
import { ApiRefusal } from './api-errors.ts'

export interface WatchEvent {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'
  object: unknown
}

/** Ends when the API server ends it. Throws ApiRefusal for an error the API server tells of in the stream, and what the connection throws. */
export async function* watchEvents(body: AsyncIterable<unknown>, what: string): AsyncGenerator<WatchEvent> {
  for await (const line of lines(body)) {
    const event: unknown = JSON.parse(line)
    if (!isRecord(event)) throw new Error(`${what}: expected an event, got ${line.slice(0, 100)}`)
    const { type, object } = event
    if (type === 'ERROR') throw new ApiRefusal(isRecord(object) ? Number(object['code']) : 500, object, what)
    yield { type: type as WatchEvent['type'], object }
  }
}

/** One event may come in many pieces, and many in one; a character, too. */
async function* lines(body: AsyncIterable<unknown>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let pieces: string[] = []
  for await (const chunk of body) {
    const parts = decoder.decode(chunk as Uint8Array, { stream: true }).split('\n')
    const rest = parts.pop() ?? ''
    for (const part of parts) {
      const line = [...pieces, part].join('')
      pieces = []
      if (line.trim() !== '') yield line
    }
    if (rest !== '') pieces.push(rest)
  }
}
