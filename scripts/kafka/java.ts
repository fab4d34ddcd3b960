/** The machine's JDK: what it says of itself, and whether Kafka 4 runs on it. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { KafkaSetupError } from './kafka-setup-error.ts'

/** Kafka 4 brokers run on Java 17 and later. */
const OLDEST = 17

const run = promisify(execFile)

/** The program to start; throws KafkaSetupError `java-missing`. */
export async function findJava(env: NodeJS.ProcessEnv): Promise<string> {
  const program = env['JAVA_HOME'] ? join(env['JAVA_HOME'], 'bin', 'java') : 'java'
  const version = await versionOf(program)
  if (version !== undefined && version >= OLDEST) return program
  const found = version === undefined ? 'there is none' : `${program} is Java ${version}`
  throw new KafkaSetupError(
    'java-missing',
    `a local Kafka needs a JDK ${OLDEST} or later in JAVA_HOME or PATH: ${found}`,
  )
}

async function versionOf(program: string): Promise<number | undefined> {
  try {
    const { stderr } = await run(program, ['-version'])
    return parseJavaVersion(stderr)
  } catch {
    return undefined
  }
}

/** `openjdk version "17.0.15" 2025-04-15` → 17; the old scheme, `"1.8.0_402"`, → 8. */
export function parseJavaVersion(said: string): number | undefined {
  const [, first, second] = /version "(\d+)(?:\.(\d+))?/.exec(said) ?? []
  if (first === undefined) return undefined
  return Number(first === '1' && second !== undefined ? second : first)
}
