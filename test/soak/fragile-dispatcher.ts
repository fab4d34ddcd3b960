/**
 * A dispatcher that kills itself (SIGKILL) at a given moment, for tests of what is left then. `DIE_AT=<moment>:<n>`: at the n-th of them. `CLOCK_SKEW_MS`: its wall
 * clock is ahead by so much.
 * Otherwise what dispatcher/main.ts is, metrics and all, with the environment of test/soak/dispatchers.ts.
 */
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createDispatcher } from '../../dispatcher/dispatcher.ts'
import type { EventLog } from '../../events/event-log.ts'
import { openKafkaEventLog } from '../../events/kafka/kafka-event-log.ts'
import { openSqliteEventLog } from '../../events/sqlite/sqlite-event-log.ts'
import { listen } from '../../lib/listen.ts'
import { createLogger } from '../../lib/logger.ts'
import { createManagementServer } from '../../lib/management-server.ts'
import { createMetrics } from '../../lib/metrics.ts'
import { Router } from '../../routing/router.ts'
import { dieInTransactions } from './fragile-transactions.ts'
import { replacing } from '../builders/replacing.ts'
import type { DeathMoment } from './dispatchers.ts'

const {
  DIE_AT = '',
  CLOCK_SKEW_MS = '0',
  DORMOUSE_KAFKA = '',
  DORMOUSE_KAFKA_TRANSACTIONS = 'false',
  DORMOUSE_CONTROLLERS = '',
  DORMOUSE_REPORTER = '',
} = process.env
const [moment, after] = DIE_AT.split(':') as [DeathMoment, string]
let left = Number(after)

function mayDie(at: DeathMoment): void {
  if (at === moment && --left === 0) process.kill(process.pid, 'SIGKILL')
}

dieInTransactions(mayDie)

function fragile(log: EventLog): EventLog {
  return replacing(log, {
    send: async (records) => {
      const positions = await log.send(records)
      mayDie('after-publish')
      return positions
    },
    consumer: (options) => {
      const consumer = log.consumer({
        ...options,
        onRevoked: (partitions) => {
          mayDie('in-rebalance')
          return options.onRevoked(partitions)
        },
      })
      return replacing(consumer, {
        commit: async (offsets) => {
          mayDie('before-commit')
          await consumer.commit(offsets)
          mayDie('after-commit')
        },
      })
    },
  })
}

const logger = createLogger({ level: 'error' })
const sqlite = openSqliteEventLog({ path: join(mkdtempSync(join(tmpdir(), 'dormouse-fragile-')), 'e.db'), logger })
const router = new Router({
  controllerUrls: [DORMOUSE_CONTROLLERS],
  token: () => readFileSync(process.env['DORMOUSE_TOKEN_FILE'] ?? '', 'utf8'),
  reporter: DORMOUSE_REPORTER,
  logger,
})
const call = router.call.bind(router)
router.call = (request, sink) => {
  mayDie('before-invoke')
  return call(
    request,
    replacing(sink, {
      onEnd: (trailers) => {
        mayDie('after-invoke')
        sink.onEnd(trailers)
      },
    }),
  )
}
router.start()
const wall = { now: () => Date.now() + Number(CLOCK_SKEW_MS) }
const transactions = DORMOUSE_KAFKA_TRANSACTIONS === 'true'
const log = fragile(openKafkaEventLog({ brokers: DORMOUSE_KAFKA.split(','), now: wall.now, logger, transactions }))
const metrics = createMetrics()
const dispatcher = createDispatcher({ router, log, ledger: sqlite.ledger, logger, wall, metrics })
dispatcher.start()

process.on('SIGTERM', async () => {
  await dispatcher.stop()
  await router.stop()
  await log.close()
  process.exit(0)
})

const management = createManagementServer({ metrics, notReady: () => undefined, loopbackOnly: true })
const at = { host: '127.0.0.1', port: 0, purpose: 'fragile dispatcher (management)' }
console.error(JSON.stringify({ managementPort: await listen(management, at) }))
