import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { FUNCTIONS } from '../../../api/kinds.ts'
import { admit } from '../../../api/validate.ts'
import { createMemoryCluster } from '../../../kube/memory/memory-cluster.ts'
import { PODS, SECRETS } from '../../../kube/objects.ts'
import { readOwner } from '../../../local/store/owner.ts'
import { openStore, type Store } from '../../../local/store/store.ts'
import { StoreError } from '../../../lib/sqlite/store-error.ts'
import { newFunction, newPod, newSecret } from '../../builders/kube-objects.ts'
import { namesAfter, storedSecret } from './store-sequence.ts'

const PROCESS = join(import.meta.dirname, 'store-process.ts')

let root: string
let dir: string
const stores: Store[] = []
const children: ChildProcess[] = []

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'dormouse-store-'))
  dir = join(root, 'state')
})
afterEach(async () => {
  for (const store of stores.splice(0)) store.close()
  await Promise.all(children.splice(0).map(kill))
  rmSync(root, { recursive: true, force: true })
})

const open = (...args: Parameters<typeof openStore>): Store => {
  const store = openStore(...args)
  stores.push(store)
  return store
}

/** The StoreError that opening is refused with. */
function refusal(path = dir, options: Parameters<typeof openStore>[1] = {}): StoreError {
  try {
    open(path, options)
  } catch (error) {
    if (error instanceof StoreError) return error
    throw error
  }
  throw new Error('expected the store not to open')
}

interface Run {
  child: ChildProcess
  lines: Interface
}

function run(...args: string[]): Run {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', PROCESS, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  return { child, lines: createInterface({ input: child.stdout }) }
}

async function firstLine({ lines }: Run): Promise<Record<string, unknown>> {
  const [line] = (await once(lines, 'line')) as [string]
  return JSON.parse(line) as Record<string, unknown>
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}

const file = () => join(dir, 'dormouse.db')
const names = (store: Store) =>
  store
    .load()
    .objects.map(({ metadata }) => metadata.name)
    .sort()

describe('a state directory', () => {
  test('is made when it is not there, and nobody else can read it', () => {
    const nested = join(dir, 'deeper')
    open(nested)
    expect(statSync(nested).mode & 0o777).toBe(0o700)
    expect(statSync(join(nested, 'dormouse.db')).mode & 0o777).toBe(0o600)
  })

  test('gives back what was put and not removed, and the highest version of a deletion', () => {
    const first = open(dir)
    first.put(storedSecret('a', 1))
    first.put(storedSecret('a', 2, { k: 'dg==' }))
    first.put(storedSecret('b', 3))
    first.remove(storedSecret('b', 4))
    first.close()
    expect(open(dir).load()).toEqual({ objects: [storedSecret('a', 2, { k: 'dg==' })], resourceVersion: 4 })
  })

  test('keeps a cluster across restarts: uids, versions, generations; only the kinds that are kept', async () => {
    const start = () => createMemoryCluster({ admit, persistence: { store: open(dir), kinds: [FUNCTIONS, SECRETS] } })
    const before = start()
    const fn = await before.create(FUNCTIONS, newFunction({ name: 'hello' }))
    await before.patch(FUNCTIONS, fn.metadata, { spec: { timeout: '5s' } })
    const kept = await before.patchStatus(FUNCTIONS, fn.metadata, { pods: 1 })
    await before.create(PODS, newPod({ name: 'pod' }))
    const gone = await before.create(SECRETS, newSecret({ name: 'gone' }))
    await before.delete(SECRETS, gone.metadata)
    stores.splice(0).forEach((store) => store.close())

    const after = start()
    expect(await after.get(FUNCTIONS, fn.metadata)).toEqual(kept)
    expect(await after.list(SECRETS)).toEqual([])
    expect(await after.list(PODS)).toEqual([])
    const next = await after.create(SECRETS, newSecret({ name: 'next' }))
    expect(Number(next.metadata.resourceVersion)).toBeGreaterThan(Number(gone.metadata.resourceVersion) + 1)
    const cache = after.cache(FUNCTIONS)
    await cache.synced
    expect(cache.list()).toEqual([kept])
    cache.stop()
  })

  test('says who owns it while it is open', () => {
    const store = open(dir, { now: () => new Date('2026-01-01T00:00:00Z') })
    const owner = { pid: process.pid, startedAt: '2026-01-01T00:00:00.000Z' }
    expect(readOwner(dir)).toEqual(owner)
    store.announce('http://127.0.0.1:9090')
    expect(readOwner(dir)).toEqual({ ...owner, managementUrl: 'http://127.0.0.1:9090' })
    store.close()
    store.close()
    expect(readOwner(dir)).toBeUndefined()
  })
})

describe('a state directory that another instance uses', () => {
  test('is refused with its process and URL, and goes on being locked', async () => {
    const { pid } = await holder()
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const error = refusal()
      expect(error.code).toBe('Locked')
      expect(error.message).toContain(`process ${String(pid)}, http://127.0.0.1:9090`)
    }
  })

  test('is free the moment that instance is killed', async () => {
    const { child } = await holder()
    await kill(child)
    open(dir)
    expect(readOwner(dir)?.pid).toBe(process.pid)
  })

  test('opened twice by one process is refused, and stays locked for others', async () => {
    open(dir)
    expect(refusal().code).toBe('Locked')
    expect(await firstLine(run('hold', dir))).toMatchObject({ code: 'Locked' })
  })

  test('does not name a process that is long gone', async () => {
    await holder()
    writeFileSync(join(dir, 'owner.json'), JSON.stringify({ pid: 2 ** 22 + 1, startedAt: 'x' }))
    expect(refusal().message).toContain('in use by another process:')
  })

  async function holder(): Promise<{ child: ChildProcess; pid: unknown }> {
    const held = run('hold', dir)
    const { opened } = await firstLine(held)
    return { child: held.child, pid: opened }
  }
})

describe('a process that is killed while it writes', () => {
  test('loses nothing it has said is written, however often', async () => {
    let last = 0
    for (const killAfter of [3, 40, 170, 600]) {
      last = await writeUntil(last + killAfter)
      const store = open(dir)
      const { resourceVersion } = store.load()
      const found = names(store)
      // It may have written more than it could tell, but every write whole and in order; every second one notes its number.
      const wanted = [resourceVersion, resourceVersion + 1].map((step) => namesAfter(step).sort())
      expect(wanted).toContainEqual(found)
      expect(resourceVersion + 1).toBeGreaterThanOrEqual(last)
      last = resourceVersion
      store.close()
    }
  }, 30_000)

  async function writeUntil(step: number): Promise<number> {
    const { child, lines } = run('write', dir)
    let last = 0
    lines.on('line', (line) => {
      last = (JSON.parse(line) as { step: number }).step
      if (last >= step) child.kill('SIGKILL')
    })
    await Promise.all([once(child, 'exit'), once(lines, 'close')])
    return last
  }
})

describe('a state file that cannot be used stays as it is, and the error says what to do:', () => {
  const spoil = (change: (path: string) => void): Buffer => {
    const store = openStore(dir)
    for (let index = 0; index < 50; index += 1)
      store.put(storedSecret(`s-${index}`, index + 1, { v: 'x'.repeat(2000) }))
    store.close()
    change(file())
    return readFileSync(file())
  }
  const sql = (statement: string) => (path: string) => {
    const database = new DatabaseSync(path)
    database.exec(statement)
    database.close()
  }

  test.each([
    ['no database', 'Damaged', (path: string) => writeFileSync(path, 'not a database '.repeat(500))],
    [
      'pages overwritten',
      'Damaged',
      (path: string) => writeFileSync(path, 'x'.repeat(20_000), { flag: 'r+', flush: true }),
    ],
    ['pages in the middle overwritten', 'Damaged', (path: string) => overwrite(path, 8192, 60_000)],
    ['cut off', 'Damaged', (path: string) => truncateSync(path, 20_000)],
    ['its table gone', 'Damaged', sql('DROP TABLE objects')],
    ['a newer schema', 'WrongVersion', sql('PRAGMA user_version = 2')],
    ["another program's database", 'WrongVersion', sql('PRAGMA application_id = 7')],
  ])('%s: %s', (_what, code, change) => {
    const before = spoil(change)
    const error = refusal()
    expect(error.code).toBe(code)
    expect(error.message).toContain(file())
    expect(error.message).toMatch(/: (put a backup in its place|choose another|use the Dormouse that wrote it)/)
    expect(readFileSync(file()).equals(before)).toBe(true)
    expect(readOwner(dir)).toBeUndefined()
  })

  test.each([
    ['is not JSON', 'half an obj'],
    ['lacks its metadata', '{"apiVersion":"v1","kind":"Secret"}'],
    ['is another object', JSON.stringify(storedSecret('other', 1))],
  ])('an object that %s: Damaged, with its name', (_what, json) => {
    spoil(sql(`UPDATE objects SET json = '${json}' WHERE name = 's-7'`))
    const error = refusal()
    expect(error.code).toBe('Damaged')
    expect(error.message).toContain('Secret default/s-7')
    expect(error.message).not.toContain('\n')
    expect(existsSync(file())).toBe(true)
  })

  test('an object that this version refuses: Damaged, with its name and the reason', () => {
    spoil(() => undefined)
    const parse = () => {
      throw new Error('spec.timeout: expected a duration')
    }
    expect(refusal(dir, { parse }).message).toMatch(
      /Secret default\/s-\d+ cannot be read: spec.timeout: expected a duration/,
    )
    open(dir)
  })
})

function overwrite(path: string, from: number, length: number): void {
  const bytes = readFileSync(path)
  bytes.fill(0xaa, from, from + length)
  writeFileSync(path, bytes)
}

describe('a state file whose process was killed, and which was damaged since, stays as it is with its log:', () => {
  test.each([
    ['the file overwritten', (path: string) => writeFileSync(path, 'not a database '.repeat(5000))],
    ['a page of the file overwritten', (path: string) => overwrite(path, 12_288, 40_000)],
    ['the file cut off', (path: string) => truncateSync(path, 5000)],
    ['the file emptied', (path: string) => truncateSync(path, 0)],
    ['the file gone', (path: string) => rmSync(path)],
    ['the log overwritten', (path: string) => writeFileSync(`${path}-wal`, 'not a log '.repeat(5000))],
  ])('%s', async (_what, change) => {
    // Two megabytes: some of them are in the file by now, the last of them only in the log.
    const filled = run('fill', dir)
    expect(await firstLine(filled)).toEqual({ opened: filled.child.pid })
    await kill(filled.child)
    const bytes = () =>
      [file(), `${file()}-wal`].map((path) => existsSync(path) && readFileSync(path).toString('base64'))
    change(file())
    const before = bytes()
    const error = refusal()
    expect(error).toMatchObject({ code: 'Damaged' })
    expect(error.message).not.toContain('\n')
    expect(bytes().map((now, index) => now === (before[index] || ''))).toEqual([true, true])
  })
})

describe('a path that cannot hold a state', () => {
  test('because it is a file is NotADirectory', () => {
    writeFileSync(dir, 'mine')
    expect(refusal()).toMatchObject({ code: 'NotADirectory' })
    expect(refusal(join(dir, 'below'))).toMatchObject({ code: 'NotADirectory' })
    expect(readFileSync(dir, 'utf8')).toBe('mine')
  })

  test('because its file is a directory is Damaged', () => {
    mkdirSync(file(), { recursive: true })
    expect(refusal()).toMatchObject({ code: 'Damaged' })
  })

  test.each(['the directory', 'the file'])('because %s is not writable is NotWritable', async (what) => {
    mkdirSync(dir)
    chmodSync(root, 0o755)
    if (what === 'the file') openStore(dir).close()
    for (const path of what === 'the file' ? [file()] : []) chmodSync(path, 0o444)
    chmodSync(dir, what === 'the file' ? 0o777 : 0o555)
    // Root may write anything: the other process becomes nobody.
    const uid = process.getuid?.() === 0 ? ['65534'] : []
    const answer = await firstLine(run('hold', dir, ...uid))
    expect(answer).toMatchObject({ code: 'NotWritable' })
    expect(answer['message']).toContain(what === 'the file' ? file() : dir)
    chmodSync(dir, 0o755)
  })
})
