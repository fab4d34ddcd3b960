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

jest.setTimeout(480_000)

const EVENTS = 1_000
const KILLS = 20
const KEYS = 8
const COMMIT_INTERVAL_MS = 1_000
/** Every so many lives one is so long that all from before its last events must have been committed. */
const LONG_LIFE_EVERY = 5
const LONG_LIFE_MS = 4_500
/** For a commit that was on its way, on a busy machine, and for clocks that are read at different moments. */
const SLACK_MS = 2_500

/** Every call is one line: when, which event, which delivery, when its pod loaded the code. One line is one write. */
const HANDLER = (file: string) => `import { appendFileSync } from 'node:fs'
const loaded = Date.now()
export const handler = async ({ key, n }, { awsRequestId }) => {
  appendFileSync(${JSON.stringify(file)}, JSON.stringify({ at: Date.now(), key, n, id: awsRequestId, loaded }) + '\\n')
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
    { withinMs: 60_000 },
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

  /** `life` gives nothing while there is nobody to publish to, or nothing is to be published. */
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
  loaded: number
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
  let isPublishing = true
  const publishers = Array.from(
    { length: KEYS },
    (_, n) => new Publisher(`k${n}`, () => (isPublishing ? life : undefined)),
  )
  const publishing = Promise.all(publishers.map((publisher) => publisher.run(EVENTS / KEYS)))
  const acknowledged = () => publishers.reduce((sum, publisher) => sum + publisher.acknowledged.length, 0)
  const kills: number[] = []
  for (let kill = 1; kill <= KILLS; kill++) {
    if (kill % LONG_LIFE_EVERY === 0) {
      isPublishing = false
      await delay(LONG_LIFE_MS)
      isPublishing = true
    }
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
  // A pod may end its calls in the air a moment after its platform was killed: it belongs to the life in which it loaded the code.
  const lifeOf = ({ loaded }: CallLine) => kills.filter((at) => at <= loaded).length
  const last = new Map<string, CallLine>()
  const strange: [before: CallLine, call: CallLine][] = []
  let duplicates = 0
  for (const call of readCalls()) {
    const before = last.get(call.id)
    last.set(call.id, call)
    if (before === undefined) continue
    duplicates++
    // Handled once in each life, and again only when the life before ended too early for a commit.
    const ended = kills[lifeOf(before)]
    const isExplained =
      ended !== undefined && lifeOf(call) > lifeOf(before) && before.at >= ended - COMMIT_INTERVAL_MS - SLACK_MS
    if (!isExplained) strange.push([before, call])
  }
  expect(strange).toEqual([])
  console.log(`${EVENTS} events, ${KILLS} kills, ${duplicates} handled twice, 0 lost`)
})
