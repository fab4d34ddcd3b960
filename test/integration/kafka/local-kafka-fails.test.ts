/** A local Kafka whose directory cannot be formatted: what asked for it must be able to end. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from '@jest/globals'

const PROGRAM = new URL('../../../scripts/kafka/local-kafka.ts', import.meta.url).href
/** Ends as a Java that cannot format does. */
const NO_JAVA = '/bin/false'

test.each([undefined, 3])(
  'holds nothing that keeps its process alive: %p nodes',
  async (nodes) => {
    const options = JSON.stringify({ java: NO_JAVA, jars: '/nowhere', nodes })
    const code = `import { startLocalKafka } from '${PROGRAM}'; await startLocalKafka(${options}).catch(({ code }) => console.log(code))`
    const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
    const said: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => said.push(chunk))
    const cut = setTimeout(() => child.kill('SIGKILL'), 60_000)
    const ended = await once(child, 'close')
    clearTimeout(cut)
    expect([Buffer.concat(said).toString().trim(), ...ended]).toEqual(['start-failed', 0, null])
  },
  90_000,
)
