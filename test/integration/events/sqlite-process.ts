/**
 * A process of its own for the sqlite-*.test.ts: `node sqlite-process.ts hold|write|outgrow <path>`. Says on stdout, one JSON per line, what it
 * did, after it was done; lives until it is killed.
 */
import { writeSync } from 'node:fs'
import { EventLogError, type CommittedOffset } from '../../../events/event-log.ts'
import { openSqliteEventLog, type SqliteEventLog } from '../../../events/sqlite/sqlite-event-log.ts'
import { silentLogger } from '../../../lib/logger.ts'

const [, , mode, path = ''] = process.argv
const say = (line: object): number => writeSync(1, `${JSON.stringify(line)}\n`)
const newRecord = (value: string) => ({
  topic: 'orders',
  key: Buffer.from(value),
  value: Buffer.from(value),
  headers: [],
})

/** Sends and commits for ever, several at a time. */
async function write(log: SqliteEventLog): Promise<void> {
  await log.ensureTopics([{ topic: 'orders', partitions: 3 }])
  const consumer = log.consumer({
    ...{ group: 'readers', topics: ['orders'], startFrom: 'earliest' },
    onAssigned: () => undefined,
    onRevoked: async () => undefined,
    onRecords: ({ topic, partition }, records) => {
      const offset = (records.at(-1)?.offset ?? 0) + 1
      void commit({ topic, partition, offset, metadata: `m-${offset}` })
    },
  })
  const commit = async (committed: CommittedOffset) => {
    await consumer.commit([committed])
    say({ committed })
  }
  const begun = Number((await log.ledger.get('last'))?.attempts ?? 0)
  for (let round = begun + 1; ; round += 1) {
    const sends = [0, 1, 2, 3, 4].map((n) => log.send([newRecord(`${round}-${n}-a`), newRecord(`${round}-${n}-b`)]))
    const state = { id: 'last', functionKey: 'default/f', status: 'running', acceptedAtMs: 0, attempts: round } as const
    const [positions] = await Promise.all([Promise.all(sends), log.ledger.put(state)])
    say({ round, positions: positions.flat() })
  }
}

/** Until the file may grow no further (ulimit -f). */
async function outgrow(log: SqliteEventLog): Promise<void> {
  // Without a handler the signal ends the process; with one the write fails.
  process.on('SIGXFSZ', () => undefined)
  for (let sent = 0; ; sent += 1) {
    const value = `${sent}`.padEnd(100_000, 'x')
    try {
      await log.send([newRecord(value), newRecord(value)])
    } catch (error) {
      if (!(error instanceof EventLogError)) throw error
      const ends = await log.endOffsets('orders')
      return void say({
        code: error.code,
        message: error.message,
        sent,
        stored: ends.reduce((sum, { end }) => sum + end, 0),
      })
    }
  }
}

try {
  const log = openSqliteEventLog({ path, logger: silentLogger })
  if (mode === 'hold') say({ opened: process.pid })
  if (mode === 'write') await write(log)
  if (mode === 'outgrow') await outgrow(log)
  setInterval(() => undefined, 60_000)
} catch (error) {
  const { code, message } = error as Error & { code: string }
  say({ code, message })
}
