/** Changes below the watched folders, several at once told as one: editors write a save in several steps. */
import { watch, type FSWatcher } from 'chokidar'
import { lstatSync } from 'node:fs'
import { relative, resolve, sep } from 'node:path'
import { errorText } from '../../lib/error-text.ts'
import { isSkipped } from '../manifests/pack-code.ts'

/** Long enough for the steps of one save, short enough not to be noticed. */
const QUIET_MS = 25
/** A folder in which something changes all the time (a log, a build) is looked at this often. */
const LONGEST_MS = 500

export interface FileWatch {
  /** Watches these as well. */
  add(paths: readonly string[]): void
  stop(): Promise<void>
}

export interface FileWatchOptions {
  /** Absolute files and folders. */
  paths: readonly string[]
  /** Called with the time (performance.now()) of the first change; never while a call before is still running. */
  changed: (changedAtMs: number) => Promise<void>
  /** Called once: not all that changes will be seen. */
  blind: (why: string) => void
}

/** Resolves when the first scan is done: changes from then on are seen. */
export async function watchFiles({ paths, changed, blind }: FileWatchOptions): Promise<FileWatch> {
  const roots = new Set(paths.map((path) => resolve(path)))
  const onChange = coalesce(changed)
  const watcher: FSWatcher = watch([...roots], { atomic: false, ignored: (path) => isIgnored(path, roots) })
  let isReady = false
  const onNews = () => {
    if (isReady) onChange()
  }
  watcher.on('all', onNews)
  const stopMending = mendReplacedFiles(watcher, onNews)
  let told = false
  watcher.on('error', (error) => {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (told || (code !== 'ENOSPC' && code !== 'EMFILE')) return
    told = true
    blind(
      `${errorText(error)}: raise fs.inotify.max_user_watches and fs.inotify.max_user_instances, or name smaller folders`,
    )
  })
  await new Promise<void>((resolveReady) => watcher.once('ready', () => resolveReady()))
  isReady = true
  return {
    add(more) {
      const fresh = more.filter((path) => !isSeen(path, roots))
      fresh.forEach((path) => roots.add(path))
      if (fresh.length > 0) watcher.add(fresh)
    },
    async stop() {
      stopMending()
      await watcher.close()
    },
  }
}

/** Longer than chokidar takes to say that a file is gone. */
const REPLACED_MS = 100

/** chokidar 6 takes a folder that comes in the place of a file for that file, and tells nothing of what is in it: it is watched anew. Returns the end. */
function mendReplacedFiles(watcher: FSWatcher, mended: () => void): () => void {
  const files = new Set<string>()
  const renamed = new Set<string>()
  let timer: NodeJS.Timeout | undefined
  watcher.on('add', (path) => files.add(path))
  watcher.on('unlink', (path) => files.delete(path))
  const look = () => {
    timer = undefined
    const replaced = [...renamed].filter((path) => files.has(path) && isFolder(path))
    renamed.clear()
    for (const path of replaced) {
      files.delete(path)
      watcher.unwatch(path)
      watcher.add(path)
    }
    if (replaced.length > 0) mended()
  }
  watcher.on('raw', (event, name, details) => {
    const { watchedPath = '' } = details as { watchedPath?: string }
    const path = resolve(watchedPath, name ?? '')
    if (event !== 'rename' || !files.has(path)) return
    renamed.add(path)
    timer ??= setTimeout(look, REPLACED_MS)
  })
  return () => clearTimeout(timer)
}

function isFolder(path: string): boolean {
  try {
    return lstatSync(path).isDirectory()
  } catch {
    return false
  }
}

/** Dotfiles and node_modules below every root they are in; what lies above a root is the user's choice, also where another root is above it. */
function isIgnored(path: string, roots: ReadonlySet<string>): boolean {
  return [...roots].some((root) => isInside(path, root)) && !isSeen(path, roots)
}

function isSeen(path: string, roots: ReadonlySet<string>): boolean {
  return [...roots].some((root) => isInside(path, root) && !relative(root, path).split(sep).some(isSkippedPart))
}

const isSkippedPart = (name: string) => name !== '' && isSkipped(name)
const isInside = (path: string, root: string) =>
  path === root || path.startsWith(root.endsWith(sep) ? root : root + sep)

function coalesce(changed: (changedAtMs: number) => Promise<void>): () => void {
  let timer: NodeJS.Timeout | undefined
  let firstAtMs: number | undefined
  let running = false
  const run = async () => {
    if (running || firstAtMs === undefined) return
    running = true
    const at = firstAtMs
    firstAtMs = undefined
    await changed(at).finally(() => (running = false))
    if (firstAtMs !== undefined) await run()
  }
  return () => {
    const nowMs = performance.now()
    firstAtMs ??= nowMs
    clearTimeout(timer)
    timer = setTimeout(() => void run(), Math.min(QUIET_MS, Math.max(0, firstAtMs + LONGEST_MS - nowMs)))
  }
}
