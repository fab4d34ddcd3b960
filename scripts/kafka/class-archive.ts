/**
 * Kafka's classes as the JVM lays them out in memory (class data sharing), beside the jars: with it a broker starts with 1.8 s of CPU
 * instead of 4.2. Learned once from a broker that serves and ends in good order, and again when it does not fit, after an update of the JDK say:
 * until then the JVM sees that and reads the jars.
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { classArchiveOf } from './jars.ts'
import { startLocalKafka } from './local-kafka.ts'

const run = promisify(execFile)

export interface ClassArchiveOptions {
  java: string
  jars: string
}

/** Made when there is none that fits; without one all goes as well, and slower. Throws KafkaSetupError `start-failed`. */
export async function ensureClassArchive({ java, jars }: ClassArchiveOptions): Promise<void> {
  const file = classArchiveOf(jars)
  if (existsSync(file) && (await fits(file, { java, jars }))) return
  // Of two at the same time the later wins with the same content.
  const part = `${file}.part-${process.pid}`
  try {
    const kafka = await startLocalKafka({ java, jars, recordClasses: part })
    await kafka.shutDown(1).finally(() => kafka.stop())
    await rename(part, file)
  } finally {
    await rm(part, { force: true })
  }
}

async function fits(file: string, { java, jars }: ClassArchiveOptions): Promise<boolean> {
  const flags = ['-Xshare:on', `-XX:SharedArchiveFile=${file}`, '-XX:+UseSerialGC', '-cp', join(jars, '*')]
  return run(java, [...flags, '-version']).then(
    () => true,
    () => false,
  )
}
