/** scripts/kafka/main.ts, which `make kafka` and `make kafka-stop` run. */
import { spawn } from 'node:child_process'
import { createServer } from 'node:http'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from '@jest/globals'
import { closeServer, listen } from '../../../lib/listen.ts'
import { holdFreePort } from '../../../local/free-port.ts'
import { countBrokers } from '../../../scripts/kafka/ask-broker.ts'
import { describeOnKafka, KAFKA_START_MS } from '../../builders/kafka-brokers.ts'

const MAIN = new URL('../../../scripts/kafka/main.ts', import.meta.url).pathname
const scratch = mkdtempSync(join(tmpdir(), 'dormouse-make-'))
const directory = join(scratch, 'kafka')
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

/** Standard output or, if it fails, standard error. */
function run(...args: string[]): Promise<{ code: number | null; said: string }> {
  const child = spawn(process.execPath, [MAIN, ...args, '--directory', directory])
  let [out, errors] = ['', '']
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()))
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, said: code === 0 ? out : errors })))
}

await describeOnKafka(
  'make kafka',
  () => {
    it(
      'runs until it is stopped, and leaves nothing behind',
      async () => {
        const held = await holdFreePort('127.0.0.1')
        await held.release()
        const port = String(held.port)
        expect(await run('up', '--port', port)).toMatchObject({
          code: 0,
          said: expect.stringContaining(`127.0.0.1:${port}`),
        })
        expect(await countBrokers('127.0.0.1', held.port)).toBe(1)
        expect((await run('up', '--port', port)).said).toContain('runs already')
        expect(await run('down')).toEqual({ code: 0, said: 'Kafka has ended\n' })
        await expect(countBrokers('127.0.0.1', held.port)).rejects.toThrow('ECONNREFUSED')
        expect(existsSync(directory)).toBe(false)
        expect(await run('down')).toEqual({ code: 0, said: 'no Kafka was running\n' })
      },
      KAFKA_START_MS,
    )

    it('says in one sentence that its port is in use', async () => {
      const server = createServer()
      const port = await listen(server, { host: '127.0.0.1', port: 0, purpose: 'the test' })
      const { code, said } = await run('up', '--port', String(port))
      await closeServer(server)
      expect(code).toBe(1)
      expect(said).toMatch(/^kafka: port \d+ for Kafka is in use on 127\.0\.0\.1: [^\n]+\n$/)
    }, 30_000)

    it('knows one node and three', async () => {
      expect(await run('up', '--nodes', '2')).toEqual({ code: 1, said: 'kafka: expected NODES=1 or NODES=3, got 2\n' })
    })
  },
  { ours: true },
)
