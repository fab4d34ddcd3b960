/** The addresses, in one SQLite file that outlives every pod. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

export function openAddresses(directory = process.env.DATA_DIR || '/tmp/dormouse-signup') {
  mkdirSync(directory, { recursive: true })
  const database = new DatabaseSync(join(directory, 'addresses.db'), { timeout: 5_000 })
  database.exec(`
    PRAGMA journal_mode = WAL;
    CREATE TABLE IF NOT EXISTS addresses (signup_id TEXT PRIMARY KEY, email TEXT UNIQUE NOT NULL, name TEXT NOT NULL);
  `)
  return database
}

export function saveAddress(database, { signupId, email, name }) {
  database.prepare('INSERT INTO addresses VALUES (?, ?, ?) ON CONFLICT DO NOTHING').run(signupId, email, name)
}

export function countAddresses(database) {
  return database.prepare('SELECT count(*) AS number FROM addresses').get().number
}
