/** `bin/dormouse.js` as a user runs it: a process with exit code, stdout and stderr. */
import { spawn, type ChildProcess } from 'node:child_process'
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { eventually } from './eventually.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const COMMAND = join(ROOT, 'bin/dormouse.js')
export const FREE_PORTS = ['--port', '0', '--internal-port', '0', '--management-port', '0']

export interface Ran {
  code: number | null
  stdout: string
  stderr: string
}

export interface RunningCommand {
  child: ChildProcess
  stdout(): string
  stderr(): string
  /** Waits until stderr or stdout matches. */
  says(pattern: RegExp): Promise<RegExpExecArray>
  ended: Promise<Ran>
}

/** A scratch folder with files in it, and the command to be run there. It knows no cluster but that of `kubeconfig`. */
export function createWorkspace(files: Record<string, string> = {}, kubeconfig?: string) {
  const cwd = mkdtempSync(join(tmpdir(), 'dormouse-ws-'))
  const running: RunningCommand[] = []
  const write = (name: string, text: string) => {
    mkdirSync(dirname(join(cwd, name)), { recursive: true })
    writeFileSync(join(cwd, name), text)
  }
  const start = (args: readonly string[], options: Omit<StartOptions, 'kubeconfig'> = {}): RunningCommand => {
    const command = startCommand(cwd, args, { ...options, ...(kubeconfig !== undefined && { kubeconfig }) })
    running.push(command)
    return command
  }
  Object.entries(files).forEach(([name, text]) => write(name, text))
  return {
    cwd,
    /** bin/dormouse.js, for those who start it themselves. */
    command: COMMAND,
    /** Where package.json lies. */
    root: ROOT,
    write,
    append: (name: string, text: string) => appendFileSync(join(cwd, name), text),
    start,
    run: (...args: string[]) => start(args).ended,
    remove: (name: string) => rmSync(join(cwd, name), { recursive: true }),
    /** `dormouse dev` on free ports; resolves when it says that it is up. */
    async dev(...args: string[]): Promise<RunningCommand> {
      const command = start(['dev', ...args, ...FREE_PORTS])
      await command.says(/Dormouse is up/)
      return command
    },
    async end(): Promise<void> {
      for (const { child } of running) if (child.exitCode === null && child.signalCode === null) child.kill('SIGINT')
      await Promise.all(running.map(({ ended }) => ended))
      rmSync(cwd, { recursive: true, force: true })
    },
  }
}

interface StartOptions {
  node?: string
  /** Default: empty. */
  stdin?: string | Uint8Array
  /** The test writes it. */
  stdinStaysOpen?: boolean
  kubeconfig?: string
}

function startCommand(cwd: string, args: readonly string[], options: StartOptions): RunningCommand {
  const env: NodeJS.ProcessEnv = { ...process.env, HOME: cwd, KUBECONFIG: options.kubeconfig }
  delete env['DORMOUSE_SERVER']
  if (options.kubeconfig === undefined) delete env['KUBECONFIG']
  const child = spawn(options.node ?? process.execPath, [COMMAND, ...args], {
    cwd,
    env,
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  child.stdin.on('error', () => undefined)
  if (options.stdinStaysOpen !== true) child.stdin.end(options.stdin ?? '')
  const ended = new Promise<Ran>((resolve) => child.once('close', (code) => resolve({ code, stdout, stderr })))
  return {
    child,
    stdout: () => stdout,
    stderr: () => stderr,
    ended,
    says: (pattern) =>
      eventually(
        () => `${String(pattern)} in ${args.join(' ')}; it said: ${stderr}${stdout}`,
        () => pattern.exec(stderr) ?? pattern.exec(stdout) ?? undefined,
        { withinMs: 60_000 },
      ),
  }
}

/** Processes below `pid`, by its children's children. */
export async function descendants(pid: number): Promise<number[]> {
  const { readFile } = await import('node:fs/promises')
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '')
  const children = text.trim().split(/\s+/).filter(Boolean).map(Number)
  return [...children, ...(await Promise.all(children.map(descendants))).flat()]
}

/** A manifest with one inline module; `spec` is more YAML below `spec:`, indented by two. */
export const functionYaml = (name: string, code: string, spec = ''): string => `apiVersion: dormouse.dev/v1alpha1
kind: Function
metadata:
  name: ${name}
spec:
  runtime: node
  code:
    inline:
      index.mjs: ${JSON.stringify(code)}
${spec}`
