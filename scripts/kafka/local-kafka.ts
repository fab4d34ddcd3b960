/**
 * Kafka on this machine's JDK: one node or three, each a process of its own with a directory and ports of its own. Owns their whole life:
 * after stop() no process and no file is left, and a guardian (a shell that reads a pipe of ours) sees to the same when we are killed.
 * A node can be killed, frozen and started again on the same ports and data, which is what fault tests need it for.
 */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { closeServer, listen } from '../../lib/listen.ts'
import { holdFreePort, type HeldPort } from '../../local/free-port.ts'
import { startGuardian } from '../../local/kubelet/guardian.ts'
import { BrokerProcess } from './broker-process.ts'
import { BROKER_HOST, brokerProperties, type NodeAddress } from './broker-properties.ts'
import { classArchiveOf } from './jars.ts'
import { KafkaSetupError } from './kafka-setup-error.ts'

export interface LocalKafkaOptions {
  /** The program, Java 17 or later. */
  java: string
  /** The directory with Kafka's jars. */
  jars: string
  nodes?: 1 | 3 | undefined
  /** The first node's port, its controller's is the next one, and so on; default: free ones. */
  firstPort?: number | undefined
  /** Of each JVM; default 256. */
  heapMb?: number | undefined
  /** For long and loaded runs: starts half a second later, then is faster. */
  optimize?: boolean | undefined
  /** Overrule server.properties. */
  settings?: Readonly<Record<string, string>> | undefined
  /** Where a broker that ends in good order leaves its classes: see class-archive.ts. */
  recordClasses?: string | undefined
}

export interface LocalKafka {
  /** host:port of every node. */
  readonly brokers: string[]
  /** SIGKILL; settles when it is dead. Nodes count from 1. */
  kill(node: number): Promise<void>
  /** SIGTERM: hands its partitions over, then ends. */
  shutDown(node: number): Promise<void>
  /** After kill or shutDown: again on the same ports and data; settles when it serves. */
  start(node: number): Promise<void>
  /** SIGSTOP: holds its connections and answers nothing. */
  freeze(node: number): void
  thaw(node: number): void
  /** Where it keeps the logs of partitions. */
  dataOf(node: number): string
  /** Kills all of them and removes their data. */
  stop(): Promise<void>
}

const run = promisify(execFile)

/** Settles when every node sees all of them; throws KafkaSetupError `start-failed`. */
export async function startLocalKafka(options: LocalKafkaOptions): Promise<LocalKafka> {
  const { nodes: count = 1, java, jars } = options
  const directory = mkdtempSync(join(tmpdir(), 'dormouse-kafka-'))
  const guardian = startGuardian(directory)
  const held = await addresses(count, options.firstPort).catch(async (error: unknown) => {
    await guardian.stop()
    throw error
  })
  const nodes = held.map(({ node }) => node)
  const clusterId = randomBytes(16).toString('base64url')
  const processes = nodes.map(
    (node) =>
      new BrokerProcess({ node, directory: join(directory, String(node.id)), guardian, command: command(options) }),
  )
  const stop = async () => {
    await Promise.all(processes.map((process) => process.kill()))
    await guardian.stop()
  }
  try {
    await Promise.all(
      processes.map(async ({ node, directory: own }) => {
        await mkdir(join(own, 'tmp'), { recursive: true })
        const { settings } = options
        const properties = brokerProperties({
          node,
          nodes,
          directory: join(own, 'data'),
          ...(settings && { settings }),
        })
        await writeFile(join(own, 'server.properties'), properties)
        await format({ java, jars, own, clusterId })
      }),
    )
    await Promise.all(held.flatMap(({ ports }) => ports.map((port) => port.release())))
    await Promise.all(processes.map((process) => process.start(count)))
  } catch (error) {
    // A port that is still held would keep this process alive.
    await Promise.allSettled(held.flatMap(({ ports }) => ports.map((port) => port.release())))
    await stop()
    throw error
  }
  return handle(processes, stop)
}

function handle(processes: readonly BrokerProcess[], stop: () => Promise<void>): LocalKafka {
  const at = (node: number) => {
    const process = processes[node - 1]
    if (process === undefined) throw new RangeError(`expected a node from 1 to ${processes.length}, got ${node}`)
    return process
  }
  return {
    brokers: processes.map(({ node }) => `${BROKER_HOST}:${node.port}`),
    kill: (node) => at(node).kill(),
    shutDown: (node) => at(node).shutDown(),
    start: (node) => at(node).start(1),
    freeze: (node) => at(node).signal('SIGSTOP'),
    thaw: (node) => at(node).signal('SIGCONT'),
    dataOf: (node) => join(at(node).directory, 'data'),
    stop,
  }
}

type HeldAddress = { node: NodeAddress; ports: HeldPort[] }

/** All or none: a port that is held by mistake keeps this process alive. */
async function addresses(count: number, first: number | undefined): Promise<HeldAddress[]> {
  const held: HeldPort[] = []
  const hold = async (index: number) => {
    const port = first === undefined ? await holdFreePort(BROKER_HOST) : await holdPort(first + index)
    held.push(port)
    return port
  }
  try {
    const found: HeldAddress[] = []
    for (let index = 0; index < count; index++) {
      const ports = [await hold(2 * index), await hold(2 * index + 1)] as const
      found.push({ node: { id: index + 1, port: ports[0].port, controllerPort: ports[1].port }, ports: [...ports] })
    }
    return found
  } catch (error) {
    await Promise.all(held.map((port) => port.release()))
    throw error
  }
}

/** Throws ListenError: better than what a broker says of a port that is in use. */
async function holdPort(port: number): Promise<HeldPort> {
  const server = createServer()
  await listen(server, { host: BROKER_HOST, port, purpose: 'Kafka' })
  return { port, release: () => closeServer(server) }
}

/** A short life is worth no second compiler. */
function command({ java, jars, heapMb = 256, optimize = false, recordClasses }: LocalKafkaOptions): string[] {
  const short = optimize ? [] : ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC']
  const classes = recordClasses === undefined ? known(jars) : [`-XX:ArchiveClassesAtExit=${recordClasses}`]
  const quiet = ['-Djava.awt.headless=true', '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn', '-XX:-UsePerfData']
  return [java, `-Xmx${heapMb}m`, ...short, ...classes, ...quiet, '-cp', join(jars, '*')]
}

function known(jars: string): string[] {
  const archive = classArchiveOf(jars)
  return existsSync(archive) ? [`-XX:SharedArchiveFile=${archive}`] : []
}

async function format(parts: { java: string; jars: string; own: string; clusterId: string }): Promise<void> {
  const { java, jars, own, clusterId } = parts
  // One id in 64 begins with a hyphen, and looks like an option unless it is written like this.
  const tool = ['kafka.tools.StorageTool', 'format', `--cluster-id=${clusterId}`, '-c', join(own, 'server.properties')]
  const program = command({ java, jars }).slice(1)
  try {
    await run(java, [...program, ...tool])
  } catch (error) {
    const { stderr = '' } = error as { stderr?: string }
    throw new KafkaSetupError('start-failed', `Kafka's directory cannot be made: ${stderr.trim() || String(error)}`, {
      cause: error,
    })
  }
}
