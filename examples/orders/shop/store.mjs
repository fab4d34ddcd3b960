/** The read model: what the events so far add up to, in one SQLite file. It can be deleted at any time and is built again from the log. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** Not the pod's own temporary directory, which goes with the pod. */
export const DATA_DIR = process.env.DATA_DIR || '/tmp/dormouse-orders'

export function openStore(directory = DATA_DIR) {
  mkdirSync(directory, { recursive: true })
  const database = new DatabaseSync(join(directory, 'read-model.db'), { timeout: 5_000 })
  database.exec(`
    PRAGMA journal_mode = WAL;
    CREATE TABLE IF NOT EXISTS orders (id TEXT PRIMARY KEY, customer TEXT, amount REAL, currency TEXT, status TEXT);
    CREATE TABLE IF NOT EXISTS mails (delivery_id TEXT PRIMARY KEY, order_id TEXT);
  `)
  return database
}

/** Applies one event. The same event twice changes nothing: deliveries are at least once. */
export function apply(database, event) {
  switch (event.type) {
    case 'order-placed':
      database
        .prepare('INSERT INTO orders VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING')
        .run(event.orderId, event.customer, event.amount, event.currency, 'placed')
      return
    case 'order-paid':
      database.prepare("UPDATE orders SET status = 'paid' WHERE id = ?").run(event.orderId)
      return
    default:
      // Events of tomorrow are not a reason to stop.
      console.log(`skipped an event of type ${event.type}`)
  }
}

export function find(database, id) {
  const row = database.prepare('SELECT * FROM orders WHERE id = ?').get(id)
  return row && { ...row }
}

/** True the first time a mail of this delivery is noted. */
export function noteMail(database, deliveryId, orderId) {
  const { changes } = database
    .prepare('INSERT INTO mails VALUES (?, ?) ON CONFLICT (delivery_id) DO NOTHING')
    .run(deliveryId, orderId)
  return Number(changes) === 1
}

export function summary(database) {
  const rows = database
    .prepare('SELECT status, count(*) AS number, sum(amount) AS total FROM orders GROUP BY status')
    .all()
  const { mails } = database.prepare('SELECT count(*) AS mails FROM mails').get()
  return { orders: Object.fromEntries(rows.map(({ status, number, total }) => [status, { number, total }])), mails }
}
