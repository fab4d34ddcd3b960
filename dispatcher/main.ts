/** The dispatcher process: reads the environment, wires, consumes until SIGTERM or SIGINT, drains. */
import { readFileSync } from 'node:fs'
import { kafkaOptions } from '../events/kafka/environment.ts'
import { openWatched } from '../events/kafka/open-watched.ts'
import { SharedLedger } from '../events/shared-ledger/shared-ledger.ts'
import { createLogger } from '../lib/logger.ts'
import { endForGood, stopOnSignal } from '../lib/stop-signals.ts'
import { readEnvironment } from './config.ts'
import { DISPATCHER_END_MS, DispatcherProcess } from './dispatcher-process.ts'

async function main(): Promise<void> {
  const environment = readEnvironment()
  const logger = createLogger({ level: environment.DORMOUSE_LOG_LEVEL, fields: { part: 'dispatcher' } })
  const { log, contact } = openWatched({ ...kafkaOptions(environment), logger }, 'no events are delivered')
  const ledger = new SharedLedger({ log, logger })
  const dispatcher = new DispatcherProcess({
    controllerUrls: environment.DORMOUSE_CONTROLLERS,
    token: () => readFileSync(environment.DORMOUSE_TOKEN_FILE, 'utf8').trim(),
    reporter: environment.DORMOUSE_REPORTER,
    log,
    ledger,
    bootstrapServers: environment.DORMOUSE_KAFKA.join(','),
    logNotReady: () => (contact.made ? undefined : 'no answer from Kafka yet'),
    listen: { host: environment.DORMOUSE_LISTEN_HOST, port: environment.DORMOUSE_MANAGEMENT_PORT },
    logger,
  })
  const drainMs = environment.DORMOUSE_DRAIN_MS
  stopOnSignal({
    ...{ part: 'dispatcher', logger, deadlineMs: drainMs + DISPATCHER_END_MS },
    stop: async (ending) => {
      const looked = ending.step('the first look at Kafka', () => contact.stop(), drainMs)
      await Promise.all([looked, dispatcher.stop(drainMs, ending)])
    },
  })
  await dispatcher.start()
}

main().catch((error: unknown) => endForGood('dispatcher', error))
