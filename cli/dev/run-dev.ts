/**
 * `dormouse dev`: a local instance in this process, kept at what some folders say, until Ctrl-C.
 * What functions write goes to stdout; what Dormouse has to say goes to stderr.
 */
import { resolve } from 'node:path'
import { FUNCTIONS, TRIGGERS } from '../../api/kinds.ts'
import { createLogger } from '../../lib/logger.ts'
import type { KafkaSettings } from '../../local/kafka-settings.ts'
import { startLocal, type LocalPlatform } from '../../local/platform.ts'
import { createApiClient } from '../client/api-client.ts'
import { CliError, ManifestError } from '../cli-error.ts'
import type { CliContext } from '../context.ts'
import { EXIT } from '../exit-codes.ts'
import { loadManifests } from '../manifests/load-manifests.ts'
import { noManifests } from '../manifests/require-manifests.ts'
import { painter, type Paint } from '../output/color.ts'
import { neverWait } from '../output/never-wait.ts'
import { createProgress } from '../output/progress.ts'
import { untilInterrupted } from '../until-interrupted.ts'
import { VERSION } from '../version.ts'
import { DevSession } from './dev-session.ts'
import { createFunctionLogPrinter } from './function-log-printer.ts'
import { kafkaSettings, type KafkaFlags } from './kafka-settings.ts'
import { platformLogSink } from './platform-log-sink.ts'
import { describeAddresses } from './print-addresses.ts'
import { createSessionReport } from './session-report.ts'
import { watchFiles, type FileWatch } from './watch-files.ts'
import { errorText } from '../../lib/error-text.ts'

export interface DevOptions extends KafkaFlags {
  watch?: boolean
  port: number
  internalPort: number
  managementPort: number
  stateDir: string
  pool?: number
  verbose?: boolean
}

/** Of functions' output that is held for a reader that stands still. */
const MAX_UNREAD_BYTES = 1024 * 1024

interface Running {
  context: CliContext
  platform: LocalPlatform
  session: DevSession
  paint: Paint
  dirs: readonly string[]
  kafka: KafkaSettings | undefined
}

export async function runDev(context: CliContext, dirs: readonly string[], options: DevOptions): Promise<void> {
  const kafka = kafkaSettings(options, context)
  await refuseMistakes(context, dirs, options)
  const paint = painter(context.stderr, context.environment)
  const progress = createProgress(context.stderr)
  progress.show('starting Dormouse')
  const platform = await start(context, { options, kafka, paint }).finally(() => progress.clear())
  const waitAgain = [context.stdout, context.stderr].map(neverWait)
  try {
    const session = createSession({ context, platform, dirs, paint })
    await serve({ context, platform, session, paint, dirs, kafka }, options)
  } finally {
    if (context.signal.aborted) context.stderr.write('\nstopping…\n')
    await platform.stop()
    waitAgain.forEach((each) => each())
  }
}

/** Before anything is started or applied: a folder that is missing, and, where no later save can mend it, a wrong manifest. */
async function refuseMistakes(
  { cwd, signal }: CliContext,
  dirs: readonly string[],
  { watch }: DevOptions,
): Promise<void> {
  const loaded = loadManifests({ sources: dirs, cwd, readStdin: async () => Buffer.alloc(0) })
  const { mistakes } = await untilInterrupted(signal, loaded)
  if (watch !== true && mistakes.length > 0) throw new ManifestError(mistakes)
}

function start(
  context: CliContext,
  { options, kafka, paint }: { options: DevOptions; kafka: KafkaSettings | undefined; paint: Paint },
): Promise<LocalPlatform> {
  const { stderr, cwd, environment } = context
  const verbose = options.verbose === true
  return startLocal({
    stateDir: resolve(cwd, options.stateDir),
    ports: { public: options.port, internal: options.internalPort, management: options.managementPort },
    ...(options.pool === undefined ? {} : { poolSize: options.pool }),
    ...(kafka === undefined ? {} : { kafka }),
    hostEnvironment: environment,
    version: VERSION,
    logger: createLogger({
      level: verbose ? 'info' : 'warn',
      sink: platformLogSink((text) => void stderr.write(text), paint),
    }),
  })
}

function createSession({ context, platform, dirs, paint }: Omit<Running, 'session' | 'kafka'>): DevSession {
  return new DevSession({
    sources: dirs,
    cwd: context.cwd,
    client: createApiClient(platform.urls.management),
    signal: context.signal,
    report: createSessionReport((text) => void context.stderr.write(text), paint),
  })
}

async function serve(running: Running, options: DevOptions): Promise<void> {
  const { context, platform, session, dirs } = running
  platform.logs.follow(
    undefined,
    createFunctionLogPrinter({
      paint: painter(context.stdout, context.environment),
      verbose: options.verbose === true,
      write: (text) => void context.stdout.write(text),
      isBehind: () => (context.stdout.writableLength ?? 0) > MAX_UNREAD_BYTES,
    }),
  )
  // Watched before the first reading: a save in between is seen.
  const watch = options.watch === true && dirs.length > 0 ? await startWatch(running) : undefined
  try {
    const { rolledOut, refused } = await session.sync()
    watch?.add(session.codePaths)
    if (watch === undefined && refused > 0)
      throw new CliError(EXIT.invalidManifest, 'correct these manifests, or use --watch to do so while it runs')
    await Promise.race([rolledOut, aborted(context.signal)])
    if (!context.signal.aborted) await announce(running, watch !== undefined)
    if (dirs.length > 0 && session.isEmpty) context.stderr.write(`${noManifests(dirs)}\n`)
    await aborted(context.signal)
  } finally {
    session.end()
    await watch?.stop()
  }
}

function startWatch({ context, session, dirs, paint }: Running): Promise<FileWatch> {
  const report = createSessionReport((text) => void context.stderr.write(text), paint)
  const watching = watchFiles({
    paths: dirs.map((dir) => resolve(context.cwd, dir)),
    blind: (why) => report.problem(`not every change will be seen: ${why}`),
    async changed(changedAtMs) {
      try {
        await session.sync(changedAtMs)
        ;(await watching).add(session.codePaths)
      } catch (error) {
        // A folder that vanished, a file that cannot be read: the next change may mend it.
        if (!context.signal.aborted) report.problem(errorText(error))
      }
    },
  })
  return watching
}

async function announce({ context, platform, paint, kafka }: Running, watched: boolean): Promise<void> {
  const { urls, cluster } = platform
  const [functions, triggers] = await Promise.all([cluster.list(FUNCTIONS), cluster.list(TRIGGERS)])
  const hint = watched ? 'watching for changes, Ctrl-C stops' : 'Ctrl-C stops'
  const where = kafka === undefined ? '' : `events are on Kafka at ${kafka.brokers.join(',')}\n`
  context.stderr.write(
    `\n${paint('bold', 'Dormouse is up')}\n${describeAddresses({ urls, functions, triggers })}\n${where}${hint}\n`,
  )
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolveAborted) => signal.addEventListener('abort', () => resolveAborted(), { once: true }))
}
