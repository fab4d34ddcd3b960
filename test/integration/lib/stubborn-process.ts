/** A process for stop-signals.test.ts: told to end, it does what its first argument says. */
import { createServer } from 'node:net'
import { createLogger } from '../../../lib/logger.ts'
import { stopOnSignal } from '../../../lib/stop-signals.ts'

const WAYS: Record<string, () => Promise<unknown>> = {
  ends: () => new Promise((resolve) => server.close(resolve)),
  hangs: () => new Promise(() => undefined),
  throws: () => new Promise((resolve) => server.close(resolve)).then(() => Promise.reject(new Error('as told'))),
  forgets: async () => undefined,
}
const way = WAYS[process.argv[2] ?? '']
if (way === undefined) throw new Error('expected a way to end')
const server = createServer().listen(0, '127.0.0.1', () => process.stdout.write('runs\n'))
stopOnSignal({
  ...{ part: 'stubborn', logger: createLogger(), deadlineMs: Number(process.argv[3] ?? 10_000) },
  stop: (ending) => ending.step('its work', way, 60_000),
})
