/**
 * Kafka's classes as the JVM lays them out in memory (class data sharing), beside the jars: with it a broker starts with 1.8 s of CPU
 * instead of 4.2. Learned once from a broker that serves and ends in good order. The JVM checks it against itself and the jars, and reads
 * the jars when it does not fit, after an update of the JDK say.
 */
import { existsSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { classArchiveOf } from './jars.ts'
import { startLocalKafka } from './local-kafka.ts'

export interface ClassArchiveOptions {
  java: string
  jars: string
}

/** Made when it is not there; without one all goes as well, and slower. */
export async function ensureClassArchive({ java, jars }: ClassArchiveOptions): Promise<void> {
  const file = classArchiveOf(jars)
  if (existsSync(file)) return
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
