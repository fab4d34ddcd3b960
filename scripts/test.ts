/**
 * `npm test`: static checks, then every jest project, then one closing line "N passed, N failed, N skipped".
 * `npm run check` is the same with unit tests only (`--unit`). Exit 1 when anything failed.
 */
import { spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { errorText } from '../lib/error-text.ts'
import { sum, tell, type Counts } from './jest-counts.ts'
import { ensureClassArchive } from './kafka/class-archive.ts'
import { findKafkaIn } from './kafka/find-kafka.ts'
import { watchInterruption } from './interruption.ts'
import { runJest } from './run-jest.ts'

/** What each found of files that are as they were is kept. */
const KEPT = 'node_modules/.cache'
const STATIC_CHECKS = [
  [
    'format',
    `prettier --check --log-level warn --cache --cache-strategy content --cache-location ${KEPT}/prettier-check .`,
  ],
  ['lint', `eslint --cache --cache-strategy content --cache-location ${KEPT}/eslint/ .`],
  ['types', `tsc -p . --incremental --tsBuildInfoFile ${KEPT}/tsc.tsbuildinfo`],
  ['generated files', 'npm run -s generate:check'],
] as const

function run(command: string): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    let output = ''
    const child = spawn('sh', ['-c', command], { stdio: ['ignore', 'pipe', 'pipe'] })
    const keep = (chunk: Buffer) => (output += chunk.toString())
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    child.on('close', (code) => resolve({ code: code ?? 1, output }))
  })
}

/** Two at a time: the machine this is made for has two cores. */
async function staticChecks(): Promise<Counts> {
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 }
  const waiting = [...STATIC_CHECKS]
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [name, command] = next
      const { code, output } = await run(command)
      console.log(`${code === 0 ? 'PASS' : 'FAIL'} ${name}`)
      if (code !== 0) console.log(output)
      counts[code === 0 ? 'passed' : 'failed'] += 1
    }
  }
  await Promise.all([worker(), worker()])
  return counts
}

/**
 * What needs a Kafka is skipped without one, and whoever reads this should know with which it ran. Fetches it before tests are timed,
 * and has it learn to start quickly.
 */
async function sayWhichKafka(): Promise<void> {
  const found = await findKafkaIn({
    env: process.env,
    onFetch: (what) => console.log(`fetching ${what}…`),
  })
  if (found.kind === 'available' && found.source === 'local')
    await ensureClassArchive(found).catch((error: unknown) => console.log(`no class archive: ${errorText(error)}`))
  console.log(found.kind === 'missing' ? `SKIP tests on Kafka: ${found.reason}` : `tests on Kafka use ${found.name}`)
}

/** Everything that tests make goes there, so that it goes with it when they are interrupted. */
const scratch = mkdtempSync(join(tmpdir(), 'dormouse-test-'))
// As its parent is: tests run processes as other users.
chmodSync(scratch, 0o755)
const interruption = watchInterruption()

const jest = (name: 'unit' | 'integration'): Promise<Counts> =>
  runJest({
    script: `test:${name}`,
    outputFile: join(scratch, `${name}.json`),
    environment: { TMPDIR: scratch },
    signal: interruption.signal,
  })

async function main(): Promise<Counts[]> {
  const parts = [await staticChecks()]
  if (!interruption.signal.aborted) parts.push(await jest('unit'))
  if (interruption.signal.aborted || process.argv.includes('--unit')) return parts
  await sayWhichKafka()
  // Of processes that wait for each other no more than two at a time: they would be slow for each other's clocks. A worker is renewed before
  // jest, which lets go of no module of the files it ran, has a heap whose collection takes longer than what is tested.
  return [...parts, await jest('integration')]
}

let total: Counts
try {
  total = sum(await main())
} finally {
  rmSync(scratch, { recursive: true, force: true, maxRetries: 3 })
}
console.log(tell(total))
process.exitCode = interruption.exitCode() ?? (total.failed === 0 ? 0 : 1)
