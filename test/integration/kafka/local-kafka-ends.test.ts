import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from '@jest/globals'
import { describeOnKafka, KAFKA_START_MS } from '../../builders/kafka-brokers.ts'
import { until } from '../../builders/eventually.ts'
import { countBrokers } from '../../../scripts/kafka/ask-broker.ts'

/** A JVM takes its time to end, on a busy machine several times that. */
const END_MS = 30_000
const PROCESS = new URL('kafka-process.ts', import.meta.url).pathname

await describeOnKafka(
  'a local Kafka whose owner',
  () => {
    it.each([
      ['is killed', (owner: ReturnType<typeof startOwner>) => owner.kill('SIGKILL')],
      ['is ended by a signal nobody handles', (owner: ReturnType<typeof startOwner>) => owner.kill('SIGTERM')],
      ['fails', (owner: ReturnType<typeof startOwner>) => owner.stdin.write('now\n')],
    ])(
      '%s leaves neither process nor file',
      async (_, end) => {
        const directory = mkdtempSync(join(tmpdir(), 'dormouse-owner-'))
        const owner = startOwner(directory)
        const [said] = (await once(owner.stdout, 'data')) as [Buffer]
        const [broker = ''] = JSON.parse(said.toString()) as string[]
        const port = Number(broker.split(':')[1])
        expect(await countBrokers('127.0.0.1', port)).toBe(1)
        end(owner)
        await once(owner, 'exit')
        await until(() => countBrokers('127.0.0.1', port).then(() => false, isRefused), END_MS)
        await until(() => readdirSync(directory).length === 0, END_MS)
        rmSync(directory, { recursive: true })
      },
      KAFKA_START_MS + 2 * END_MS,
    )
  },
  { ours: true },
)

const isRefused = (error: unknown) => String(error).includes('ECONNREFUSED')

function startOwner(directory: string) {
  // HOME: where the jars are.
  const env = { ...process.env, HOME: homedir(), TMPDIR: directory }
  return spawn(process.execPath, [PROCESS], { env, stdio: ['pipe', 'pipe', 'ignore'] })
}
