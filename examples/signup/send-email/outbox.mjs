/** What was sent. Stands for a mail server here: a row is a mail. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

export function openOutbox(directory = process.env.DATA_DIR || '/tmp/dormouse-signup') {
  mkdirSync(directory, { recursive: true })
  const database = new DatabaseSync(join(directory, 'outbox.db'), { timeout: 5_000 })
  database.exec(`
    PRAGMA journal_mode = WAL;
    CREATE TABLE IF NOT EXISTS mails (id TEXT PRIMARY KEY, recipient TEXT NOT NULL, html TEXT NOT NULL);
  `)
  return database
}

export function findMail(database, id) {
  return database.prepare('SELECT recipient, html FROM mails WHERE id = ?').get(id)
}

export function keepMail(database, { id, recipient, html }) {
  database.prepare('INSERT INTO mails VALUES (?, ?, ?) ON CONFLICT DO NOTHING').run(id, recipient, html)
}
