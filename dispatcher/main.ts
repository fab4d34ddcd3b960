/** The dispatcher process: reads the environment, wires, consumes until SIGTERM or SIGINT, drains. */
import { readFileSync } from 'node:fs'
import { kafkaOptions } from '../events/kafka/environment.ts'
import { FirstContact } from '../events/kafka/first-contact.ts'
import { openKafkaEventLog } from '../events/kafka/kafka-event-log.ts'
import { MemoryLedger } from '../events/memory-ledger.ts'
import { createLogger } from '../lib/logger.ts'
import { readEnvironment } from './config.ts'
import { DispatcherProcess } from './dispatcher-process.ts'

/** So long a look at whether Kafka is there may take before it is said that it is not. */
const LOOK_MS = 2_000

async function main(): Promise<void> {
  const environment = readEnvironment()
  const logger = createLogger({ level: environment.DORMOUSE_LOG_LEVEL, fields: { part: 'dispatcher' } })
  const options = { ...kafkaOptions(environment), logger }
  const contact = new FirstContact({
    ...options,
    meanwhile: 'no events are delivered',
    log: openKafkaEventLog({ ...options, timeoutMs: LOOK_MS }),
  })
  const dispatcher = new DispatcherProcess({
    controllerUrls: environment.DORMOUSE_CONTROLLERS,
    token: () => readFileSync(environment.DORMOUSE_TOKEN_FILE, 'utf8').trim(),
    reporter: environment.DORMOUSE_REPORTER,
    log: openKafkaEventLog(options),
    ledger: new MemoryLedger(),
    logNotReady: () => (contact.made ? undefined : 'no answer from Kafka yet'),
    listen: { host: environment.DORMOUSE_LISTEN_HOST, port: environment.DORMOUSE_MANAGEMENT_PORT },
    logger,
  })
  let stopping = false
  const stop = (signal: string) => {
    if (stopping) return
    stopping = true
    logger.info('dispatcher drains', { signal })
    Promise.all([contact.stop(), dispatcher.stop(environment.DORMOUSE_DRAIN_MS)]).catch((error: unknown) => {
      logger.error('dispatcher did not stop cleanly', { error })
      process.exitCode = 1
    })
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  await dispatcher.start()
}

main().catch((error: unknown) => {
  process.stderr.write(`dispatcher: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(1)
})
