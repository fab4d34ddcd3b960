/**
 * Apache Kafka as its users get it without Docker: the jars of Maven Central, fetched once by Maven, which knows the user's mirrors and proxies,
 * and kept outside the repository. The directory appears whole (rename) or not at all, and of several processes one fetches while the others wait.
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, open, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { KafkaSetupError } from './kafka-setup-error.ts'

export const KAFKA_VERSION = '4.1.0'
/** The line of slf4j Kafka is built for: without a binding a broker that cannot start does not say why. */
const SLF4J_VERSION = '1.7.36'
const LOOK_AGAIN_MS = 200
const FETCH_TIMEOUT_MS = 10 * 60_000

const run = promisify(execFile)

/** The broker, and the console tools of Kafka itself to look at it with, without what those that are not of use here bring along. */
const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>dev.dormouse</groupId>
  <artifactId>local-kafka</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${KAFKA_VERSION}</version></dependency>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>${KAFKA_VERSION}</version>
      <exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions>
    </dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>${SLF4J_VERSION}</version></dependency>
  </dependencies>
</project>
`

export interface JarsOptions {
  env: NodeJS.ProcessEnv
  /** Told before a fetch, which takes a while. */
  onFetch?: ((directory: string) => void) | undefined
  /** The Maven command; default: mvn. */
  maven?: string
}

export function jarsDirectory(env: NodeJS.ProcessEnv): string {
  return join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'dormouse', `kafka-${KAFKA_VERSION}`)
}

/** Beside the jars: see class-archive.ts. */
export function classArchiveOf(jars: string): string {
  return `${jars}.jsa`
}

/** The directory with the jars, fetched when they are not there; throws KafkaSetupError `fetch-failed`. */
export async function ensureJars(options: JarsOptions): Promise<string> {
  const directory = jarsDirectory(options.env)
  if (existsSync(directory)) return directory
  await mkdir(join(directory, '..'), { recursive: true })
  const unlock = await lockUnless(`${directory}.lock`, () => existsSync(directory))
  if (unlock === undefined) return directory
  try {
    if (!existsSync(directory)) await fetchInto(directory, options)
    return directory
  } finally {
    await unlock()
  }
}

async function fetchInto(directory: string, { env, onFetch, maven = 'mvn' }: JarsOptions): Promise<void> {
  onFetch?.(directory)
  const scratch = await mkdtemp(`${directory}.part-`)
  try {
    await writeFile(join(scratch, 'pom.xml'), POM)
    const goal = ['-B', '-q', 'dependency:copy-dependencies', `-DoutputDirectory=${join(scratch, 'jars')}`]
    await run(maven, goal, { cwd: scratch, env, timeout: FETCH_TIMEOUT_MS })
    await rename(join(scratch, 'jars'), directory)
  } catch (error) {
    throw fetchError(error)
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

function fetchError(error: unknown): KafkaSetupError {
  const { code, stdout } = error as { code?: unknown; stdout?: string }
  if (code === 'ENOENT') {
    const message = `the jars of Kafka ${KAFKA_VERSION} come from Maven Central by way of Maven: install mvn 3.6 or later, or set KAFKA_BROKERS`
    return new KafkaSetupError('fetch-failed', message, { cause: error })
  }
  const said = stdout?.split('\n').find((line) => line.includes('ERROR')) ?? String(error)
  return new KafkaSetupError('fetch-failed', `mvn could not fetch Kafka ${KAFKA_VERSION}: ${said.trim()}`, {
    cause: error,
  })
}

/** Gives the unlock, or undefined once `isDone` by somebody else. A lock whose owner is dead is taken over. */
async function lockUnless(path: string, isDone: () => boolean): Promise<(() => Promise<void>) | undefined> {
  while (!isDone()) {
    const file = await open(path, 'wx').catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    })
    if (file) {
      await file.writeFile(String(process.pid))
      await file.close()
      return () => rm(path, { force: true })
    }
    const owner = Number(await readFile(path, 'utf8').catch(() => ''))
    // Empty: its owner is just about to write, or has just removed it.
    if (owner > 0 && !isAlive(owner)) await rm(path, { force: true })
    await delay(LOOK_AGAIN_MS)
  }
  return undefined
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
