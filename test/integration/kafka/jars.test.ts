import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { findKafkaIn } from '../../../scripts/kafka/find-kafka.ts'
import { ensureJars, jarsDirectory } from '../../../scripts/kafka/jars.ts'
import { KafkaSetupError } from '../../../scripts/kafka/kafka-setup-error.ts'

let home: string
let env: NodeJS.ProcessEnv
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'dormouse-jars-'))
  env = { PATH: process.env['PATH'], XDG_CACHE_HOME: home }
})
afterEach(() => rmSync(home, { recursive: true, force: true }))

/** A program that notes its calls and then does this. */
function program(name: string, script: string): string {
  const path = join(home, name)
  writeFileSync(path, `#!/bin/sh\necho "$@" >> '${path}.calls'\n${script}\n`)
  chmodSync(path, 0o755)
  return path
}
const callsOf = (path: string) =>
  existsSync(`${path}.calls`) ? readFileSync(`${path}.calls`, 'utf8').trim().split('\n') : []

/** Maven as far as we use it: the last argument says where to. */
const MAVEN = `for last; do :; done; sleep 0.3; mkdir -p "\${last#-DoutputDirectory=}"; echo jar > "\${last#-DoutputDirectory=}/kafka.jar"`

describe('the jars of a local Kafka', () => {
  it('are fetched once, and whole before anybody sees them', async () => {
    const maven = program('mvn', MAVEN)
    const directory = await ensureJars({ env, maven })
    expect(directory).toBe(jarsDirectory(env))
    expect(readdirSync(directory)).toEqual(['kafka.jar'])
    await ensureJars({ env, maven })
    expect(callsOf(maven)).toHaveLength(1)
    expect(readdirSync(dirname(directory))).toEqual(['kafka-4.1.0'])
  })

  it('are fetched by one of several that need them at the same time', async () => {
    const maven = program('mvn', MAVEN)
    await Promise.all([1, 2, 3].map(() => ensureJars({ env, maven })))
    expect(callsOf(maven)).toHaveLength(1)
  })

  it('are fetched although somebody died while fetching', async () => {
    const maven = program('mvn', MAVEN)
    mkdirSync(dirname(jarsDirectory(env)))
    writeFileSync(`${jarsDirectory(env)}.lock`, String(2 ** 22 + 1))
    expect(readdirSync(await ensureJars({ env, maven }))).toEqual(['kafka.jar'])
  })

  it('are not there after a fetch that failed, and the next one tries again', async () => {
    const broken = program('mvn', `echo '[ERROR] Could not resolve kafka'; exit 1`)
    await expect(ensureJars({ env, maven: broken })).rejects.toMatchObject({
      code: 'fetch-failed',
      message: 'mvn could not fetch Kafka 4.1.0: [ERROR] Could not resolve kafka',
    })
    expect(readdirSync(dirname(jarsDirectory(env)))).toEqual([])
    await ensureJars({ env, maven: program('mvn', MAVEN) })
  })
})

describe('who looks for a Kafka', () => {
  const containers = async () => {
    throw new KafkaSetupError('no-containers', 'no container engine answers')
  }

  it('takes the brokers of KAFKA_BROKERS', async () => {
    expect(await findKafkaIn({ env: { KAFKA_BROKERS: 'a:9092, b:9092' } })).toMatchObject({
      brokers: ['a:9092', 'b:9092'],
    })
  })

  it('is told that the JDK is too old', async () => {
    const java = program('java', `echo 'openjdk version "11.0.2"' >&2`)
    mkdirSync(join(home, 'bin'))
    program('bin/java', `exec '${java}'`)
    expect(await findKafkaIn({ env: { ...env, JAVA_HOME: home }, containers })).toEqual({
      kind: 'missing',
      reason: `KAFKA_BROKERS is not set, and a local Kafka needs a JDK 17 or later in JAVA_HOME or PATH: ${home}/bin/java is Java 11, and no container engine answers`,
    })
  })

  it('is told to install Maven', async () => {
    program('java', `echo 'openjdk version "21.0.2"' >&2`)
    expect(await findKafkaIn({ env: { ...env, PATH: `${home}:/bin-without-maven` }, containers })).toEqual({
      kind: 'missing',
      reason: expect.stringContaining('install mvn'),
    })
  })

  it('takes a container where an engine runs and no JDK is', async () => {
    expect(
      await findKafkaIn({ env: { ...env, JAVA_HOME: '/none' }, containers: async () => ({ host: 'here' }) }),
    ).toEqual({
      ...{ kind: 'available', source: 'container', host: 'here' },
      name: 'Kafka in a container of apache/kafka:4.1.0',
    })
  })
})
