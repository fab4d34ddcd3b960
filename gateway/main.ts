/** The gateway process: reads the environment, wires, serves until SIGTERM or SIGINT, drains. */
import { readFileSync } from 'node:fs'
import { optionalKafkaOptions } from '../events/kafka/environment.ts'
import { createLogger } from '../lib/logger.ts'
import { endForGood, stopOnSignal } from '../lib/stop-signals.ts'
import { readEnvironment } from './config.ts'
import { createGateway } from './gateway.ts'
import { openEvents } from './events.ts'

/** For what is closed after the last request; the chart's grace period has a little more. */
const [STOP_MS, END_MS] = [1_500, 4_000]

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
    proxies: environment.DORMOUSE_TRUSTED_PROXIES,
    limits: {
      queueLimit: environment.DORMOUSE_QUEUE_LIMIT,
      waitLimitMs: environment.DORMOUSE_WAIT_LIMIT_MS,
      maxBodyBytes: environment.DORMOUSE_MAX_BODY_BYTES,
      heldBodyBytes: environment.DORMOUSE_HELD_BODY_BYTES,
    },
    ...(events && { events }),
  })
  const { DORMOUSE_LINGER_MS: lingerMs, DORMOUSE_DRAIN_MS: graceMs } = environment
  stopOnSignal({
    ...{ part: 'gateway', logger, deadlineMs: lingerMs + graceMs + END_MS },
    stop: async (ending) => {
      await ending.step('requests', () => gateway.stop({ lingerMs, graceMs }), lingerMs + graceMs + STOP_MS)
      await ending.step('connections to Kafka', async () => events?.close(), STOP_MS)
    },
  })
  await gateway.start()
}

main().catch((error: unknown) => endForGood('gateway', error))
