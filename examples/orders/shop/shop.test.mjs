import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { mistakeIn } from './place-order.mjs'
import { apply, find, noteMail, openStore, summary } from './store.mjs'

let directory
let database
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'orders-'))
  database = openStore(directory)
})
afterEach(() => {
  database.close()
  rmSync(directory, { recursive: true })
})

const placed = { type: 'order-placed', orderId: '1', customer: 'Ada', amount: 40, currency: 'EUR' }
const paid = { type: 'order-paid', orderId: '1', euros: 40 }

test('an order is placed, then paid', () => {
  apply(database, placed)
  assert.equal(find(database, '1').status, 'placed')
  apply(database, paid)
  assert.equal(find(database, '1').status, 'paid')
})

test('an event that comes twice changes nothing', () => {
  for (const event of [placed, paid, placed, paid]) apply(database, event)
  assert.deepEqual(summary(database).orders, { paid: { number: 1, total: 40 } })
})

test('a mail is noted once per delivery', () => {
  assert.equal(noteMail(database, 'd1', '1'), true)
  assert.equal(noteMail(database, 'd1', '1'), false)
  assert.equal(summary(database).mails, 1)
})

test('an order without an amount is refused with a sentence', () => {
  assert.equal(mistakeIn({ customer: 'Ada', currency: 'EUR' }), 'amount: expected a number above 0')
  assert.equal(mistakeIn(undefined), 'expected an order as JSON')
  assert.equal(mistakeIn(placed), undefined)
})
