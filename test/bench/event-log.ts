/**
 * `npm run bench:event-log`: the embedded log in numbers, with every acknowledgement on disk. Bounded in count; a directory of its own,
 * in DORMOUSE_BENCH_DIR when the default is not on a disk.
 */
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { NewRecord } from '../../events/event-log.ts'
import { openSqliteEventLog, type SqliteEventLog } from '../../events/sqlite/sqlite-event-log.ts'
import { createLogger } from '../../lib/logger.ts'
import { ms, percentile, report, type Row } from './stats.ts'

const VALUE = Buffer.from(
  JSON.stringify({ order: 4711, items: [{ sku: 'a-1', quantity: 2 }], total: 42.5, currency: 'EUR' }),
)
const SINGLES = 10_000
const SENDERS = 100
const ROWS = 500_000
const BATCH = 200
const KIB = 1024

const directory = mkdtempSync(join(process.env['DORMOUSE_BENCH_DIR'] ?? tmpdir(), 'dormouse-bench-'))
const path = join(directory, 'events.db')
const logger = createLogger({ level: 'error' })

const openLog = (): SqliteEventLog => openSqliteEventLog({ path, logger })
const newRecord = (n: number, topic: string): NewRecord => ({
  ...{ topic, key: Buffer.from(`key-${n % 1_000}`), value: VALUE, headers: [['content-type', Buffer.from('json')]] },
})
const perSecond = (count: number, tookMs: number) => (count / tookMs) * 1_000
const rate = (value: number) => `${Math.round(value).toLocaleString('en')}/s`

/** What the disk takes from one writer without a log: 4 KiB and fdatasync, one after the other. */
function bareSyncs(): number {
  const file = openSync(join(directory, 'bare'), 'w')
  const page = Buffer.alloc(4 * KIB)
  const startedAt = performance.now()
  for (let n = 0; n < 500; n++) {
    writeSync(file, page)
    fdatasyncSync(file)
  }
  closeSync(file)
  return perSecond(500, performance.now() - startedAt)
}

async function singles(log: SqliteEventLog): Promise<Row[]> {
  const tookMs: number[] = []
  for (let n = 0; n < 500; n++) {
    const sentAt = performance.now()
    await log.send([newRecord(n, 'singles')])
    tookMs.push(performance.now() - sentAt)
  }
  let left = SINGLES
  const startedAt = performance.now()
  const sender = async () => {
    while (left-- > 0) await log.send([newRecord(left, 'singles')])
  }
  await Promise.all(Array.from({ length: SENDERS }, sender))
  const parallel = perSecond(SINGLES, performance.now() - startedAt)
  const alone = `${ms(percentile(tookMs, 50))} (p99 ${ms(percentile(tookMs, 99))})`
  return [
    {
      what: `one send after the other, beside ${rate(bareSyncs())} bare fdatasync`,
      ...{ measured: alone, goal: 'for comparison', reached: true },
    },
    {
      what: `single sends, ${SENDERS} senders`,
      ...{ measured: rate(parallel), goal: '≥ 2,000/s', reached: parallel >= 2_000 },
    },
  ]
}

async function batches(log: SqliteEventLog): Promise<Row[]> {
  const startedAt = performance.now()
  for (let at = 0; at < ROWS; at += BATCH) {
    await log.send(Array.from({ length: BATCH }, (_, n) => newRecord(at + n, 'rows')))
  }
  const rows = perSecond(ROWS, performance.now() - startedAt)
  return [{ what: `rows in batches of ${BATCH}`, measured: rate(rows), goal: '≥ 50,000/s', reached: rows >= 50_000 }]
}

/** Reads `count` rows, then stands still over the rest. */
async function consume(log: SqliteEventLog, count: number): Promise<number> {
  let read = 0
  const startedAt = performance.now()
  const partitions = Array.from({ length: 6 }, (_, partition) => ({ topic: 'rows', partition }))
  await new Promise<void>((resolve) => {
    const consumer = log.consumer({
      ...{ group: `bench-${count}`, topics: ['rows'], startFrom: 'earliest' },
      onAssigned: () => undefined,
      onRevoked: async () => undefined,
      onRecords: (_partition, records) => {
        read += records.length
        if (read < count) return
        consumer.pause(partitions)
        resolve()
      },
    })
  })
  return perSecond(read, performance.now() - startedAt)
}

async function reading(log: SqliteEventLog): Promise<Row[]> {
  const rows = await consume(log, ROWS)
  await consume(log, 1_000)
  global.gc?.()
  const before = process.memoryUsage().rss
  const cpu = process.cpuUsage()
  await sleep(5_000)
  const { user, system } = process.cpuUsage(cpu)
  global.gc?.()
  const grownMib = (process.memoryUsage().rss - before) / KIB / KIB
  return [
    { what: `rows read from the start (${ROWS})`, measured: rate(rows), goal: '≥ 50,000/s', reached: rows >= 50_000 },
    {
      what: `paused over ${ROWS} rows for 5 s`,
      measured: `${grownMib.toFixed(1)} MiB more, ${((user + system) / 5e4).toFixed(2)} % of a core`,
      ...{ goal: '≤ 8 MiB, ≤ 1 %', reached: grownMib <= 8 && (user + system) / 5e4 <= 1 },
    },
  ]
}

function opening(): { log: SqliteEventLog; row: Row } {
  const startedAt = performance.now()
  const log = openLog()
  const tookMs = performance.now() - startedAt
  const sizeMib = (statSync(path).size / KIB / KIB).toFixed(0)
  const what = `opened again, checked, ${sizeMib} MiB`
  return { log, row: { what, measured: ms(tookMs), goal: 'for comparison', reached: true } }
}

try {
  let log = openLog()
  const rows = [...(await singles(log)), ...(await batches(log)), ...(await reading(log))]
  await log.close()
  const opened = opening()
  log = opened.log
  rows.push(opened.row)
  await log.close()
  report('The embedded log', rows)
} finally {
  rmSync(directory, { recursive: true, force: true })
}
