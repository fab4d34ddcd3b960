/**
 * A process of its own for store.test.ts: `node store-process.ts hold|fill|write <dir> [uid]`. Says on stdout, one JSON per line, what it did,
 * after it was done; lives until it is killed.
 */
import { writeSync } from 'node:fs'
import { openStore } from '../../../local/store/store.ts'
import { sequenceStep, storedSecret } from './store-sequence.ts'

const [, , mode, dir = '', uid] = process.argv
if (uid !== undefined) process.setuid?.(Number(uid))
// Blocks until the reader has room: the endless loop below never lets process.stdout flush.
const say = (line: object): number => writeSync(1, `${JSON.stringify(line)}\n`)

try {
  const store = openStore(dir)
  if (mode === 'write') {
    const { resourceVersion } = store.load()
    for (let step = resourceVersion + 1; ; step += 1) {
      sequenceStep(store, step)
      say({ step })
    }
  }
  if (mode === 'fill') {
    for (let step = 1; step <= 600; step += 1) store.put(storedSecret(`s-${step}`, step, { value: 'x'.repeat(3000) }))
  }
  store.announce('http://127.0.0.1:9090')
  say({ opened: process.pid })
  setInterval(() => undefined, 60_000)
} catch (error) {
  const { code, message } = error as Error & { code: string }
  say({ code, message })
}
