/** A real runtime process for tests: started as a pod's would be, specialized with files, called over HTTP, always ended. */
import { spawn, type ChildProcess } from 'node:child_process'
import { generateKeyPairSync, randomUUID, sign, type KeyObject } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { request as httpRequest, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import type { Specialize } from '../../api/protocol.ts'
import { buildRuntime, RUNTIME_EXEC_ARGV } from '../../runtime-image/node/build-runtime.ts'

export interface Answer {
  status: number
  headers: IncomingHttpHeaders
  trailers: NodeJS.Dict<string>
  text: string
  /** Informational answers that came before, e.g. 102. */
  informational: number[]
}

export interface CallOptions {
  /** Default: 127.0.0.1. */
  host?: string
  method?: string
  path?: string
  headers?: OutgoingHttpHeaders
  body?: string | Buffer
  requestId?: string
  /** From now; as far away as no busy machine is late, unless the test is about it. */
  deadlineMs?: number
}

export interface StartOptions {
  env?: Record<string, string>
  stdin?: 'pipe' | 'ignore'
  execArgv?: readonly string[]
  /** What to run; default: the build's. */
  main?: string
  /** Handed over as a parent on the same machine does. */
  secret?: string
}

const READY_TIMEOUT_MS = 20_000
const started = new Set<RuntimeProcess>()

export class RuntimeProcess {
  readonly child: ChildProcess
  readonly uid = randomUUID()
  readonly dataKey = randomUUID()
  readonly codeParent = mkdtempSync(join(tmpdir(), 'runtime-test-'))
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
  controlPort = 0
  dataPort = 0
  stdout = ''
  stderr = ''
  private readonly privateKey: KeyObject
  /** Nothing comes any more: it has ended, and all that it had printed is here. */
  private isOver = false

  static async start(options: StartOptions = {}): Promise<RuntimeProcess> {
    const runtime = new RuntimeProcess(options.main ?? (await buildRuntime()), options)
    started.add(runtime)
    await runtime.ready()
    return runtime
  }

  /** Started and specialized; throws if the code does not load. */
  static async with(specialize: Partial<Specialize>, options: StartOptions = {}): Promise<RuntimeProcess> {
    const runtime = await RuntimeProcess.start(options)
    const answer = await runtime.specialize(specialize)
    if (answer.status !== 200) throw new Error(`specialize answered ${answer.status}: ${answer.text}`)
    return runtime
  }

  private constructor(main: string, options: StartOptions) {
    const keys = generateKeyPairSync('ed25519')
    this.privateKey = keys.privateKey
    this.child = spawn(process.execPath, [...(options.execArgv ?? RUNTIME_EXEC_ARGV), main], {
      stdio: [options.stdin ?? 'ignore', 'pipe', 'pipe', 'pipe', 'pipe'],
      env: {
        PATH: process.env['PATH'],
        DORMOUSE_CONTROL_PORT: '0',
        DORMOUSE_DATA_PORT: '0',
        DORMOUSE_LISTEN_HOST: '127.0.0.1',
        DORMOUSE_POD_NAMESPACE: 'default',
        DORMOUSE_POD_NAME: 'pod-1',
        DORMOUSE_POD_UID: this.uid,
        DORMOUSE_POD_IP: '127.0.0.1',
        DORMOUSE_PUBLIC_KEY: keys.publicKey.export({ format: 'der', type: 'spki' }).toString('base64'),
        DORMOUSE_READY_FD: '3',
        DORMOUSE_CODE_DIR: this.codeParent,
        ...(options.secret !== undefined && { DORMOUSE_SECRET_FD: '4' }),
        ...options.env,
      },
    })
    ;(this.child.stdio[4] as Writable).on('error', () => undefined).end(options.secret)
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.stdout += text))
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.stderr += text))
    this.exited = new Promise((resolve) =>
      this.child.once('close', (code, signal) => {
        this.isOver = true
        resolve({ code, signal })
      }),
    )
  }

  get pid(): number {
    return this.child.pid ?? 0
  }

  /** Directories of user code that are still there. */
  codeDirs(): string[] {
    return readdirSync(this.codeParent)
  }

  body(overrides: Partial<Specialize> = {}): Specialize {
    return {
      podUid: this.uid,
      expiresAt: Date.now() + 30_000,
      function: { namespace: 'default', name: 'hello', uid: 'function-1' },
      revision: 'r1',
      handler: 'index.handler',
      signature: 'event',
      files: {},
      env: {},
      timeoutMs: 3_000,
      concurrency: 1,
      memoryMb: 128,
      dataKey: this.dataKey,
      proof: `proof of ${this.uid}`,
      ...overrides,
    }
  }

  specialize(overrides: Partial<Specialize>): Promise<Answer> {
    return this.specializeRaw(JSON.stringify(this.body(overrides)))
  }

  specializeRaw(body: string, signature = this.sign(body)): Promise<Answer> {
    return exchange(this.controlPort, {
      method: 'POST',
      path: '/specialize',
      headers: { 'content-type': 'application/json', 'dormouse-signature': signature },
      body,
    })
  }

  sign(body: string): string {
    return sign(null, Buffer.from(body), this.privateKey).toString('base64')
  }

  async health(): Promise<Record<string, unknown>> {
    const answer = await exchange(this.controlPort, { path: '/healthz' })
    return JSON.parse(answer.text) as Record<string, unknown>
  }

  /** Headers every caller adds. */
  callHeaders(options: CallOptions = {}): OutgoingHttpHeaders {
    return {
      'dormouse-key': this.dataKey,
      'dormouse-request-id': options.requestId ?? 'req-1',
      'dormouse-deadline-ms': String(Date.now() + (options.deadlineMs ?? 20_000)),
      ...options.headers,
    }
  }

  call(options: CallOptions = {}): Promise<Answer> {
    return exchange(this.dataPort, { method: 'POST', ...options, headers: this.callHeaders(options) })
  }

  async invoke(event: unknown, options: CallOptions = {}): Promise<Answer> {
    return this.call({ body: JSON.stringify(event), ...options })
  }

  /** Waits until what was printed contains `text`. */
  async printed(text: string, stream: 'stdout' | 'stderr' = 'stdout'): Promise<string> {
    while (!this[stream].includes(text)) {
      if (this.isOver) throw new Error(`ended without printing "${text}"`)
      const more = new Promise((resolve) => this.child[stream]?.once('data', resolve))
      await Promise.race([more, this.exited])
    }
    return this[stream]
  }

  async end(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGKILL')
    await this.exited
    rmSync(this.codeParent, { recursive: true, force: true })
    started.delete(this)
  }

  private async ready(): Promise<void> {
    const pipe = this.child.stdio[3] as Readable
    const line = await new Promise<string>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('the runtime did not get ready')), READY_TIMEOUT_MS)
      pipe.setEncoding('utf8').once('data', (text: string) => (clearTimeout(timer), resolve(text)))
      this.child.once('close', () => (clearTimeout(timer), reject(new Error(`the runtime ended: ${this.stderr}`))))
    })
    const ports = JSON.parse(line) as { control: number; data: number }
    this.controlPort = ports.control
    this.dataPort = ports.data
  }
}

/** For `afterEach`: ends whatever a test started. */
export async function endRuntimes(): Promise<void> {
  await Promise.all([...started].map((runtime) => runtime.end()))
}

/** One request on a connection of its own; rejects when the connection ends without a whole answer. */
export function exchange(port: number, options: CallOptions): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { host = '127.0.0.1', method = 'GET', path = '/', headers = {}, body } = options
    const informational: number[] = []
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }
    const call = httpRequest({
      host,
      port,
      method,
      path,
      headers: { ...length, ...headers },
      agent: false,
    })
    call.on('information', ({ statusCode }) => informational.push(statusCode))
    call.on('error', reject)
    call.on('response', (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
      response.on('error', reject)
      response.on('end', () => {
        const { statusCode: status = 0, headers, trailers } = response
        resolve({ status, headers, trailers, text, informational })
      })
    })
    call.end(body)
  })
}
