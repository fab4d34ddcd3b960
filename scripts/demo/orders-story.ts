/** The event-sourced shop of examples/orders: orders in, mails retried, one order that cannot be paid, mended and replayed, all counted. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { DeadLetterInfo, RedriveResult, TopicInfo } from '../../api/events-api.ts'
import { loadManifests } from '../../cli/manifests/load-manifests.ts'
import type { DemoInstance } from './instance.ts'
import type { Telling } from './load-story.ts'
import { applyAll, countPods, DemoError, until } from './platform-view.ts'

const ROOT = new URL('../..', import.meta.url).pathname
const ORDERS = 300
const CALLERS = 8
const POISON = 'order-in-pounds'
const LIMIT_MS = 60_000

export interface OrdersStory {
  orders: number
  placedMs: number
  mails: number
  retries: number
  deadLetter: string
  redriven: number
  asleepMs: number
}

interface Summary {
  orders: Partial<Record<'placed' | 'paid', { number: number; total: number }>>
  mails: number
}

interface TriggerState {
  lag: number
  running: number
  waitingForRetry: number
  done: number
  retriedAfterMs: Record<string, number>
}

export async function tellOrdersStory(instance: DemoInstance, telling: Telling): Promise<OrdersStory> {
  const dataDir = mkdtempSync(join(tmpdir(), 'dormouse-orders-'))
  try {
    return await new Shop(instance, telling, dataDir).tell()
  } finally {
    rmSync(dataDir, { recursive: true, force: true })
  }
}

class Shop {
  readonly #instance: DemoInstance
  readonly #telling: Telling
  readonly #dataDir: string

  constructor(instance: DemoInstance, telling: Telling, dataDir: string) {
    this.#instance = instance
    this.#telling = telling
    this.#dataDir = dataDir
  }

  async tell(): Promise<OrdersStory> {
    await this.#apply('examples/orders/manifest.yaml')
    const placedMs = await this.#placeAll()
    this.#telling.line(`${ORDERS} orders placed over HTTP in ${Math.round(placedMs)} ms, each stored before its 202`)
    await this.#settle(
      'all but one paid, every mail sent',
      ({ paid, mails }) => paid === ORDERS - 1 && mails === ORDERS,
    )
    const letter = await this.#deadLetter()
    this.#telling.line(`dead letter of payment: ${letter.message}, after ${letter.attempts} attempts`)
    await this.#apply('examples/orders-payment-fixed/payment.yaml')
    const { moved } = await this.#post<RedriveResult>('/api/v1/dlq/trigger/default/payment/redrive')
    this.#telling.line(`payment mended by a new revision, ${moved} dead letter replayed`)
    await this.#settle('every order paid', ({ paid }) => paid === ORDERS)
    const retries = await this.#account()
    const asleepMs = await this.#fallAsleep()
    return {
      ...{ orders: ORDERS, placedMs, mails: ORDERS, retries },
      deadLetter: letter.message,
      redriven: moved,
      asleepMs,
    }
  }

  /** Quick to fall asleep, and its files where the demo removes them. */
  async #apply(source: string): Promise<void> {
    const { manifests, mistakes } = await loadManifests({
      sources: [source],
      cwd: ROOT,
      readStdin: async () => Buffer.alloc(0),
    })
    const [mistake] = mistakes
    if (mistake !== undefined) throw new DemoError(`${mistake.file}:${mistake.line ?? 1}: ${mistake.message}`)
    const written = manifests.map(({ manifest, written: object }) => {
      if (manifest.kind !== 'Function') return object
      const spec = object['spec'] as { scaling?: object }
      const scaling = { ...spec.scaling, idleAfter: '1s' }
      return { ...object, spec: { ...spec, scaling, env: [{ name: 'DATA_DIR', value: this.#dataDir }] } }
    })
    for (const [name, end] of await applyAll(this.#instance.client, written)) {
      if (end.kind !== 'ready') throw new DemoError(`${name} did not become ready: ${JSON.stringify(end)}`)
    }
  }

  async #placeAll(): Promise<number> {
    const startedAt = performance.now()
    let next = 0
    const caller = async () => {
      while (next < ORDERS) await this.#place(next++)
    }
    await Promise.all(Array.from({ length: CALLERS }, caller))
    return performance.now() - startedAt
  }

  async #place(number: number): Promise<void> {
    const isPoison = number === Math.floor(ORDERS / 2)
    const order = { customer: `customer ${number}`, amount: 10 + number, currency: isPoison ? 'GBP' : 'EUR' }
    const body = JSON.stringify(isPoison ? { ...order, orderId: POISON } : order)
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(`${this.#instance.urls.public}/orders`, { method: 'POST', headers, body })
    if (answer.status !== 202)
      throw new DemoError(`an order was answered with ${answer.status}: ${await answer.text()}`)
    await answer.arrayBuffer()
    if (number % 10 === 0) this.#telling.progress(`${number} orders placed`)
  }

  async #settle(what: string, isReached: (seen: { paid: number; mails: number }) => boolean): Promise<void> {
    await until(what, LIMIT_MS, async () => {
      const { orders, mails } = await this.#json<Summary>(`${this.#instance.urls.public}/orders`)
      const paid = orders.paid?.number ?? 0
      const mailer = await this.#state('mailer')
      const retries = sum(mailer.retriedAfterMs)
      this.#telling.progress(
        `paid ${paid}  mails ${mails}  retries of the mailer ${retries}, ${mailer.waitingForRetry} wait`,
      )
      if (isReached({ paid, mails })) return true
      await delay(150)
      return false
    })
  }

  /** On a fast machine all else is done before its last attempt is due. */
  async #deadLetter(): Promise<DeadLetterInfo> {
    const { management } = this.#instance.urls
    const path = `${management}/api/v1/dlq/trigger/default/payment`
    let items: DeadLetterInfo[] = []
    await until('the order that cannot be paid is a dead letter', LIMIT_MS, async () => {
      items = (await this.#json<{ items: DeadLetterInfo[] }>(path)).items
      return items.length > 0
    })
    const [letter] = items
    if (items.length !== 1 || letter === undefined || !letter.message.includes(POISON))
      throw new DemoError(`expected one dead letter, the order in pounds, got ${JSON.stringify(items)}`)
    return letter
  }

  /** Nothing is lost, nothing is left: counted in the log, in the read model, and by the Triggers. Returns the retries there were. */
  async #account(): Promise<number> {
    const { management } = this.#instance.urls
    const { items } = await this.#json<{ items: TopicInfo[] }>(`${management}/api/v1/topics`)
    const stored = items.find(({ topic }) => topic === 'orders')?.records
    if (stored !== 2 * ORDERS)
      throw new DemoError(`expected ${ORDERS} orders and ${ORDERS} payments in the log, found ${stored ?? 0} records`)
    const left = await this.#json<{ items: unknown[] }>(`${management}/api/v1/dlq/trigger/default/payment`)
    if (left.items.length > 0) throw new DemoError(`expected no dead letter, found ${left.items.length}`)
    let retries = 0
    for (const name of ['projection', 'mailer', 'payment']) {
      await until(`${name} has nothing left`, LIMIT_MS, async () => {
        const { lag, running, waitingForRetry } = await this.#state(name)
        return lag + running + waitingForRetry === 0
      })
      retries += sum((await this.#state(name)).retriedAfterMs)
    }
    this.#telling.line(
      `${stored} events in the log, ${ORDERS} orders paid, ${ORDERS} mails after ${retries} retries, no dead letter left`,
    )
    return retries
  }

  async #fallAsleep(): Promise<number> {
    const startedAt = performance.now()
    await until('all functions asleep', 30_000, async () => (await countPods(this.#instance.client)).ofFunctions === 0)
    return performance.now() - startedAt
  }

  #state(name: string): Promise<TriggerState> {
    return this.#json(`${this.#instance.urls.management}/api/v1/triggers/default/${name}/state`)
  }

  async #post<T>(path: string): Promise<T> {
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' }
    return this.#json(`${this.#instance.urls.management}${path}`, init)
  }

  async #json<T>(url: string, init?: RequestInit): Promise<T> {
    const answer = await fetch(url, init)
    const text = await answer.text()
    if (!answer.ok) throw new DemoError(`${url} answered ${answer.status}: ${text}`)
    return JSON.parse(text) as T
  }
}

const sum = (counts: Record<string, number>) => Object.values(counts).reduce((total, count) => total + count, 0)
