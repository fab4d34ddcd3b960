/**
 * `make kafka` and `make kafka-stop`: a Kafka to develop against, in the background until it is stopped. `up` starts it, `down` ends it and
 * throws its data away, `serve` is the process in between. Exit 0, or 1 with a sentence.
 */
import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { countBrokers } from './ask-broker.ts'
import { findKafkaIn } from './find-kafka.ts'
import { evict, Landlord, rentKafka, type KafkaAddress } from './landlord.ts'
import { openFound } from './open-found.ts'
import { errorText } from '../../lib/error-text.ts'

const ROOT = new URL('../..', import.meta.url).pathname

const { values, positionals } = parseArgs({
  options: {
    nodes: { type: 'string', default: '1' },
    port: { type: 'string', default: '9092' },
    // Relative by default, because the path of a socket may have hardly more than 100 characters.
    directory: { type: 'string', default: '.kafka' },
  },
  allowPositionals: true,
})
const DIRECTORY = values.directory
const SOCKET = join(DIRECTORY, 'socket')
const LOG = join(DIRECTORY, 'kafka.log')

function nodesAsked(): 1 | 3 {
  if (values.nodes === '1') return 1
  if (values.nodes === '3') return 3
  throw new Error(`expected NODES=1 or NODES=3, got ${values.nodes}`)
}

async function up(): Promise<void> {
  const nodes = nodesAsked()
  const running = await rentKafka(SOCKET).catch(() => undefined)
  if (running !== undefined) return tell(running, 'runs already')
  const found = await findKafkaIn({
    env: process.env,
    onFetch: (what) => console.log(`fetching ${what}…`),
  })
  if (found.kind === 'missing') throw new Error(found.reason)
  if (found.source === 'environment') {
    const [host = '', port = ''] = (found.brokers[0] ?? '').split(/:(?=\d+$)/)
    const count = await countBrokers(host, Number(port))
    console.log(`${found.name}: ${count} brokers; nothing is started`)
    return
  }
  tell(await startServing(nodes), 'runs')
}

function tell({ brokers, name }: KafkaAddress, what: string): void {
  console.log(
    `${name}, ${brokers.length === 1 ? 'one node' : `${brokers.length} nodes`}, ${what}: ${brokers.join(',')}`,
  )
  console.log(`dormouse dev --kafka ${brokers.join(',')}   ·   make kafka-stop ends it and throws its data away`)
}

async function startServing(nodes: number): Promise<KafkaAddress> {
  mkdirSync(DIRECTORY, { recursive: true })
  rmSync(SOCKET, { force: true })
  const log = openSync(LOG, 'w')
  const args = [
    import.meta.filename,
    'serve',
    '--nodes',
    String(nodes),
    '--port',
    values.port,
    '--directory',
    DIRECTORY,
  ]
  const child = spawn(process.execPath, args, { cwd: ROOT, detached: true, stdio: ['ignore', log, log] })
  closeSync(log)
  const ended = new Promise<'ended'>((resolve) => child.once('exit', () => resolve('ended')))
  for (;;) {
    const state = await Promise.race([ended, rentKafka(SOCKET).catch(() => delay(100, undefined))])
    if (state === 'ended')
      throw new Error(
        readFileSync(LOG, 'utf8')
          .trim()
          .replace(/^kafka: /, ''),
      )
    if (state !== undefined) {
      child.unref()
      return state
    }
  }
}

async function down(): Promise<void> {
  const wasThere = await evict(SOCKET)
  rmSync(DIRECTORY, { recursive: true, force: true })
  console.log(wasThere ? 'Kafka has ended' : 'no Kafka was running')
}

async function serve(): Promise<void> {
  const found = await findKafkaIn({ env: process.env })
  if (found.kind === 'missing' || found.source === 'environment')
    throw new Error('expected a Kafka of our own to serve')
  const options = { nodes: nodesAsked(), firstPort: Number(values.port), heapMb: 512, optimize: true }
  const kafka = await openFound(found, options)
  const onStop = () => kafka.stop()
  const landlord = await Landlord.open({ at: SOCKET, open: async () => kafka, onStop })
  const end = () => void kafka.stop().then(() => landlord.close())
  process.on('SIGTERM', end)
  process.on('SIGINT', end)
}

const COMMANDS = { up, down, serve } as const

try {
  process.chdir(ROOT)
  const command = COMMANDS[positionals[0] as keyof typeof COMMANDS]
  if (command === undefined) throw new Error(`expected up, down or serve, got ${positionals[0]}`)
  await command()
} catch (error) {
  console.error(`kafka: ${errorText(error)}`)
  process.exitCode = 1
}
