/** Functions of the real runtime that answer events with events. */
import { afterEach, expect, jest, test } from '@jest/globals'
import { eventually } from '../../builders/eventually.ts'
import { eventsOf, eventTrigger } from '../../builders/event-platform.ts'
import { functionManifest, startPlatform, type TestPlatform } from '../../builders/local-platform.ts'
import { createWitness } from '../faults/witness.ts'

jest.setTimeout(120_000)

let platform: TestPlatform
const witness = createWitness()
afterEach(async () => {
  await platform.stop()
  witness.remove()
})

test('an http function replies by a header, a cloudevent function by an attribute, and the next one gets it', async () => {
  const price = functionManifest(
    'price',
    `export const handler = (request, response) => {
      response.writeHead(200, {
        'dormouse-topic': 'priced', 'content-type': 'application/json',
        'ce-specversion': '1.0', 'ce-id': 'p-1', 'ce-source': '/price', 'ce-type': 'order.priced', 'ce-partitionkey': 'ada',
      })
      request.resume().on('end', () => response.end('{"total":42}'))
    }`,
    { signature: 'http' },
  )
  const tax = functionManifest(
    'tax',
    `export const handler = (event) => ({
      specversion: '1.0', id: 't-' + event.id, source: '/tax', type: 'order.taxed', dormousetopic: 'taxed',
      data: { total: event.data.total, key: event.partitionkey, tax: 8 },
    })`,
    { signature: 'cloudevent' },
  )
  const book = functionManifest(
    'book',
    `${witness.code}export const handler = async (event) => { begun(JSON.stringify(event)) }`,
    { signature: 'cloudevent' },
  )
  platform = await startPlatform({
    manifests: [
      ...[price, tax, book],
      eventTrigger('orders', 'price', { kafka: { topics: ['orders'] } }),
      eventTrigger('priced', 'tax', { kafka: { topics: ['priced'] } }),
      eventTrigger('taxed', 'book', { kafka: { topics: ['taxed'] } }),
    ],
    verifyFirstRevision: false,
  })
  await eventsOf(platform).publish('orders', { items: 2 })
  await eventually('the last function called', () => witness.begun().length === 1, { withinMs: 60_000 })
  const event = JSON.parse(witness.begun()[0]!) as object
  expect(event).toEqual({
    ...{ specversion: '1.0', id: 't-p-1', source: '/tax', type: 'order.taxed' },
    data: { total: 42, key: 'ada', tax: 8 },
  })
})
