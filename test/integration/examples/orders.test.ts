import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { TRIGGERS } from '../../../api/kinds.ts'
import { eventually } from '../../builders/eventually.ts'
import { startExample, valueOf, type ExampleBed } from './example-bed.ts'

const NEVER = new AbortController().signal
const PAYMENT = { kind: 'trigger' as const, namespace: 'default', name: 'payment' }
const PATIENT = { withinMs: 20_000, everyMs: 50 }

let bed: ExampleBed
beforeAll(async () => {
  bed = await startExample('examples/orders/manifest.yaml')
}, 60_000)
afterAll(() => bed.stop())

const place = (order: object) =>
  fetch(`${bed.platform.publicUrl}/orders`, { method: 'POST', body: JSON.stringify(order) })
const get = async (id = '') => {
  const answer = await fetch(`${bed.platform.publicUrl}/orders${id === '' ? '' : `/${id}`}`)
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
}
const orderIdOf = async (answer: Response) => ((await answer.json()) as { orderId: string }).orderId
const statusOf = async (id: string) => (await get(id)).body['status']
const summary = async () => (await get()).body as { orders: Record<string, { number: number }>; mails: number }
const letters = () => bed.events.deadLetters(PAYMENT, {}, 100)

const euros = (customer: string) => ({ customer, amount: 10, currency: 'EUR' })
let poison: string

test('an order is accepted at once, placed in the read model, and paid', async () => {
  const answer = await place(euros('Ada'))
  expect(answer.status).toBe(202)
  const id = await orderIdOf(answer)
  await eventually('a paid order', async () => (await statusOf(id)) === 'paid', PATIENT)
  expect((await get(id)).body).toEqual({ id, customer: 'Ada', amount: 10, currency: 'EUR', status: 'paid' })
}, 60_000)

test('a bad order is refused with a sentence and is no event', async () => {
  const before = (await bed.records('orders')).length
  const answer = await place({ customer: 'Ada', currency: 'EUR' })
  expect([answer.status, await answer.json()]).toEqual([400, { error: 'amount: expected a number above 0' }])
  expect(await bed.records('orders')).toHaveLength(before)
})

test('an order that nobody placed is not found', async () => {
  expect((await get('nobody')).status).toBe(404)
})

test('an order that payment can never take goes to the dead letters with the reason, and holds up nobody', async () => {
  poison = await orderIdOf(await place({ customer: 'Bob', amount: 7, currency: 'GBP' }))
  const others = await Promise.all(['c', 'd', 'e'].map(async (name) => orderIdOf(await place(euros(name)))))
  for (const id of others) await eventually('the others paid', async () => (await statusOf(id)) === 'paid', PATIENT)
  const [letter] = await eventually(
    'a dead letter',
    async () => ((await letters()).length > 0 ? letters() : undefined),
    PATIENT,
  )
  expect(letter).toMatchObject({
    attempts: 3,
    class: 'handled',
    message: expect.stringContaining(`unknown currency GBP of order ${poison}`),
    key: { text: poison },
    origin: { topic: 'orders' },
  })
  await eventually('only placed', async () => (await statusOf(poison)) === 'placed', PATIENT)
}, 60_000)

test('every order gets one mail, on the third attempt', async () => {
  await eventually('five mails', async () => (await summary()).mails === 5, PATIENT)
  const { failed, deadLetters } = await bed.trigger('mailer')
  expect(failed).toEqual({ 'http-5xx': 10 })
  expect(deadLetters).toEqual({})
}, 60_000)

test('once payment is mended, its dead letters are replayed and nothing is left', async () => {
  await bed.apply('examples/orders-payment-fixed/payment.yaml')
  expect(await bed.events.redrive(PAYMENT, {}, NEVER)).toMatchObject({ matched: 1, moved: 1, refused: [] })
  await eventually('the poison order paid', async () => (await statusOf(poison)) === 'paid', PATIENT)
  expect(await letters()).toEqual([])
  const events = (await bed.records('orders')).map(valueOf)
  const ids = (type: string) => events.filter((event) => event['type'] === type).map(({ orderId }) => orderId)
  expect(ids('order-placed')).toHaveLength(5)
  expect(new Set(ids('order-paid'))).toEqual(new Set(ids('order-placed')))
  expect((await summary()).orders).toMatchObject({ paid: { number: 5 } })
}, 60_000)

test('the read model is rebuilt from the first event', async () => {
  const { client, pods } = bed.platform
  await eventually(
    'everything asleep',
    async () => (await pods('projection')).length + (await pods('get-order')).length === 0,
    PATIENT,
  )
  await eventually('mailer asleep', async () => (await pods('mailer')).length === 0, PATIENT)
  for (const end of ['', '-wal', '-shm']) rmSync(join(bed.dataDir, `read-model.db${end}`), { force: true })
  expect((await summary()).orders).toEqual({})
  await client.delete({ plural: 'triggers', name: 'projection' })
  await bed.apply('examples/orders/manifest.yaml')
  await eventually('all orders again', async () => (await summary()).orders['paid']?.number === 5, PATIENT)
}, 60_000)

test('the clock wakes the report, also for a tick that was claimed and never stored', async () => {
  const { cluster } = bed.platform.local
  const { done } = await bed.trigger('report')
  const lastScheduleTime = new Date(Date.now() - 5 * 60_000).toISOString()
  await cluster.patchStatus(TRIGGERS, { name: 'report' }, { lastScheduleTime })
  await eventually('the tick handled', async () => (await bed.trigger('report')).done > done, PATIENT)
}, 60_000)
