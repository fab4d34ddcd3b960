/** The gateway process: reads the environment, wires, serves until SIGTERM or SIGINT, drains. */
import { readFileSync } from 'node:fs'
import { optionalKafkaOptions } from '../events/kafka/environment.ts'
import { createLogger } from '../lib/logger.ts'
import { endForGood, stopOnSignal } from '../lib/stop-signals.ts'
import { readEnvironment } from './config.ts'
import { createGateway } from './gateway.ts'
import { openEvents } from './events.ts'

async function main(): Promise<void> {
  const environment = readEnvironment()
  const logger = createLogger({ level: environment.DORMOUSE_LOG_LEVEL, fields: { part: 'gateway' } })
  const events = await openEvents(optionalKafkaOptions(environment), logger)
  const gateway = createGateway({
    controllerUrls: environment.DORMOUSE_CONTROLLERS,
    token: () => readFileSync(environment.DORMOUSE_TOKEN_FILE, 'utf8').trim(),
    reporter: environment.DORMOUSE_REPORTER,
    logger,
    host: environment.DORMOUSE_LISTEN_HOST,
    ports: {
      public: environment.DORMOUSE_PUBLIC_PORT,
      internal: environment.DORMOUSE_INTERNAL_PORT,
      management: environment.DORMOUSE_MANAGEMENT_PORT,
    },
    limits: {
      queueLimit: environment.DORMOUSE_QUEUE_LIMIT,
      waitLimitMs: environment.DORMOUSE_WAIT_LIMIT_MS,
      maxBodyBytes: environment.DORMOUSE_MAX_BODY_BYTES,
    },
    ...(events && { events }),
  })
  stopOnSignal('gateway', logger, async () => {
    await gateway.stop({ graceMs: environment.DORMOUSE_DRAIN_MS })
    await events?.close()
  })
  await gateway.start()
}

main().catch((error: unknown) => endForGood('gateway', error))
