/**
 * The whole platform is killed (SIGKILL) at 20 random moments while 1,000 events are published and handled. What a publisher was told is
 * stored must be handled at least once, each key in its order, and what is handled twice must have been in the air, or acknowledged after
 * the last commit.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, expect, jest, test } from '@jest/globals'
import { createApiClient } from '../../../cli/client/api-client.ts'
import { DEFAULT_SERVER, findServer } from '../../../cli/client/find-server.ts'
import { createWorkspace, FREE_PORTS, type RunningCommand } from '../../builders/dormouse-command.ts'
import { eventually } from '../../builders/eventually.ts'

jest.setTimeout(240_000)

const EVENTS = 1_000
const KILLS = 20
const KEYS = 8
const COMMIT_INTERVAL_MS = 1_000
/** For a commit that was on its way, and for clocks that are read at different moments. */
const SLACK_MS = 700

/** Every call is one line: when, which event, which delivery. One line is one write. */
const HANDLER = (file: string) => `import { appendFileSync } from 'node:fs'
export const handler = async ({ key, n }, { awsRequestId }) => {
  appendFileSync(${JSON.stringify(file)}, JSON.stringify({ at: Date.now(), key, n, id: awsRequestId }) + '\\n')
}
`

const directory = mkdtempSync(join(tmpdir(), 'dormouse-killed-'))
const calls = join(directory, 'calls')
const workspace = createWorkspace()
let running: RunningCommand | undefined

afterEach(async () => {
  running?.child.kill('SIGKILL')
  await workspace.end()
  rmSync(directory, { recursive: true, force: true })
})

interface Life {
  command: RunningCommand
  internal: string
  management: string
}

async function start(stateDir: string): Promise<Life> {
  const command = workspace.start(['dev', '--state-dir', stateDir, '--pool', '1', ...FREE_PORTS])
  running = command
  const server = await eventually(
    'the instance to be found',
    () => {
      const found = findServer({ server: undefined, stateDir, cwd: '/' })
      return found === DEFAULT_SERVER ? undefined : found
    },
    { withinMs: 20_000 },
  )
  const { urls, pid } = await createApiClient(server).instance()
  if (pid !== command.child.pid) throw new Error('found the instance before')
  return { command, internal: urls.internal, management: urls.management }
}

/** Publishes the events of one key one after the other; each again until it is acknowledged, as a careful producer does. */
class Publisher {
  readonly acknowledged: number[] = []
  readonly #key: string
  readonly #life: () => Life | undefined

  constructor(key: string, life: () => Life | undefined) {
    this.#key = key
    this.#life = life
  }

  async run(count: number): Promise<void> {
    for (let n = 0; n < count; n++) {
      while (!(await this.#send(n))) await delay(20)
      this.acknowledged.push(n)
      await delay(4)
    }
  }

  async #send(n: number): Promise<boolean> {
    const life = this.#life()
    if (life === undefined) return false
    const url = `${life.internal}/topics/numbers?key=${this.#key}`
    const body = JSON.stringify({ key: this.#key, n })
    const answer = await fetch(url, { method: 'POST', body, headers: { 'content-type': 'application/json' } }).catch(
      () => undefined,
    )
    await answer?.arrayBuffer().catch(() => undefined)
    return answer?.status === 200
  }
}

interface CallLine {
  at: number
  key: string
  n: number
  id: string
}

/** The last line may be cut: its writer was killed. */
function readCalls(): CallLine[] {
  return readFileSync(calls, 'utf8')
    .split('\n')
    .flatMap((line) => {
      try {
        return [JSON.parse(line) as CallLine]
      } catch {
        return []
      }
    })
}

const manifests = [
  {
    apiVersion: 'dormouse.dev/v1alpha1',
    kind: 'Function',
    metadata: { name: 'numbers' },
    spec: { runtime: 'node', concurrency: 10, scaling: { max: 1 }, code: { inline: { 'index.mjs': HANDLER(calls) } } },
  },
  {
    apiVersion: 'dormouse.dev/v1alpha1',
    kind: 'Trigger',
    metadata: { name: 'numbers' },
    spec: { function: 'numbers', kafka: { topics: ['numbers'], ordering: 'key', startFrom: 'earliest' } },
  },
]

test('killed at 20 random moments within 1,000 events: none lost, keys in order, duplicates bounded', async () => {
  const stateDir = join(directory, 'state')
  let life: Life | undefined = await start(stateDir)
  await createApiClient(life.management).apply(manifests)
  const publishers = Array.from({ length: KEYS }, (_, n) => new Publisher(`k${n}`, () => life))
  const publishing = Promise.all(publishers.map((publisher) => publisher.run(EVENTS / KEYS)))
  const acknowledged = () => publishers.reduce((sum, publisher) => sum + publisher.acknowledged.length, 0)
  const kills: number[] = []
  for (let kill = 1; kill <= KILLS; kill++) {
    await eventually('some more events', () => acknowledged() >= (kill * EVENTS) / (KILLS + 1), { withinMs: 60_000 })
    await delay(Math.random() * 60)
    const { command }: Life = life
    life = undefined
    command.child.kill('SIGKILL')
    kills.push(Date.now())
    await command.ended
    life = await start(stateDir)
  }
  await publishing
  const wanted = publishers.flatMap(({ acknowledged: own }, key) => own.map((n) => `k${key}/${n}`))
  expect(new Set(wanted).size).toBe(EVENTS)
  const handled = () => new Set(readCalls().map(({ key, n }) => `${key}/${n}`))
  await eventually(
    'every acknowledged event to be handled',
    () => {
      const seen = handled()
      return wanted.every((event) => seen.has(event))
    },
    { withinMs: 60_000 },
  )

  for (let key = 0; key < KEYS; key++) {
    const firsts = [
      ...new Set(
        readCalls()
          .filter((call) => call.key === `k${key}`)
          .map(({ n }) => n),
      ),
    ]
    expect(firsts).toEqual([...firsts].sort((a, b) => a - b))
  }
  const last = new Map<string, number>()
  const strange: CallLine[] = []
  let duplicates = 0
  for (const call of readCalls()) {
    const before = last.get(call.id)
    last.set(call.id, call.at)
    if (before === undefined) continue
    duplicates++
    // The call before must have been too late for the last commit before a kill.
    const isExplained = kills.some(
      (at) => before <= at && before >= at - COMMIT_INTERVAL_MS - SLACK_MS && call.at >= at,
    )
    if (!isExplained) strange.push(call)
  }
  expect(strange).toEqual([])
  console.log(`${EVENTS} events, ${KILLS} kills, ${duplicates} handled twice, 0 lost`)
})
