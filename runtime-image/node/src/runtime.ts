/** Wires the parts of one runtime process. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { writeSync } from 'node:fs'
import type { Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterExit } from './after-exit.ts'
import { nowDate, nowMs, setTimeout } from './clock.ts'
import { removeCodeDir } from './code-dir.ts'
import { ControlServer } from './control-server.ts'
import { DataServer } from './data-server.ts'
import { EndSignals } from './end-signals.ts'
import type { Environment } from './environment.ts'
import type { ErrorObject } from './error-object.ts'
import { guardExits } from './exits.ts'
import { createFdWriter } from './fd-writer.ts'
import type { Invocation } from './invocation.ts'
import { Invocations } from './invocations.ts'
import { Leaving } from './leaving.ts'
import { Logs } from './logs.ts'
import { LoopWatch } from './loop-watch.ts'
import { phoneHome } from './phone-home.ts'
import { Pod } from './pod.ts'
import { socketFd } from './socket-fd.ts'
import type { Specialization } from './specialization.ts'
import type { SecretText } from './secret-text.ts'
import { specialize, type Specialized } from './specialize.ts'
import { takeStartSecret } from './start-secret.ts'
import { Watchdog } from './watchdog.ts'
import { warmUp } from './warm-up.ts'
import { SignatureVerifier } from './verify.ts'

/** How long a pod whose parent read the ready descriptor waits before it calls home too. */
const CALL_AFTER_READY_MS = 30
/** Opening stdin takes milliseconds a first call could have; a parent that dies meanwhile is noticed a little later. */
const FOLLOW_AFTER_MS = 200

export class Runtime {
  private readonly environment: Environment
  private readonly process: NodeJS.Process
  private readonly pod = new Pod()
  private readonly invocations = new Invocations(this.pod)
  private readonly verifier: SignatureVerifier
  private readonly secret: SecretText | undefined
  private readonly watchdog = new Watchdog()
  private readonly scope = new AsyncLocalStorage<Invocation>()
  private readonly logs: Logs
  private readonly control: ControlServer
  private readonly data: DataServer
  private readonly leaving: Leaving
  private codeDir: string | undefined

  constructor(environment: Environment, process: NodeJS.Process) {
    this.environment = environment
    this.process = process
    this.verifier = new SignatureVerifier(environment.publicKey)
    this.secret = environment.secretFd === undefined ? undefined : takeStartSecret(environment.secretFd)
    this.logs = new Logs({ scope: this.scope, stdout: createFdWriter(1), stderr: createFdWriter(2), now: nowDate })
    this.control = this.createControl()
    this.data = this.createData()
    const signals = new EndSignals(process, () => this.leaving.begin())
    this.leaving = new Leaving({
      pod: this.pod,
      invocations: this.invocations,
      lastWords: () => signals.passOn(),
      exit: process.exit.bind(process),
    })
  }

  /** Serves from the moment that both ports listen; resolves when the waiting pod has made itself ready for more. */
  async start(): Promise<void> {
    const { host, readyFd, phoneHome: home, pod: self, exitOnStdinEnd, ...sockets } = this.environment
    this.process.on('exit', () => this.leaving.boundLastWords())
    afterExit(this.process, () => this.codeDir !== undefined && removeCodeDir(this.codeDir))
    const [control, data] = await Promise.all([
      listen(this.control.server, { fd: sockets.controlFd, port: sockets.controlPort, host }),
      listen(this.data.server, { fd: sockets.dataFd, port: sockets.dataPort, host }),
    ])
    if (readyFd !== undefined) writeSync(readyFd, `${JSON.stringify({ control, data })}\n`)
    if (exitOnStdinEnd) setTimeout(() => this.followParent(), FOLLOW_AFTER_MS).unref()
    const isNeeded = () => this.pod.state === 'generic'
    const call = () => home && phoneHome(home, { ...self, controlPort: control, dataPort: data }, isNeeded)
    // Whoever reads the descriptor knows already and is about to ask for something: the call must not be in its way.
    if (readyFd === undefined) call()
    else setTimeout(call, CALL_AFTER_READY_MS).unref()
    // With the parent's secret no signature will come; the time until the claim does is the thread's.
    if (this.secret === undefined) this.verifier.warm()
    else this.watchdog.prepare()
    await warmUp({
      watchdog: this.watchdog,
      host,
      controlPort: control,
      dataPort: data,
      isNeeded,
    })
  }

  private createControl(): ControlServer {
    return new ControlServer({
      pod: this.pod,
      podUid: this.environment.pod.uid,
      verifier: this.verifier,
      secret: this.secret,
      specialize: (claim, response) => this.specialize(claim, response),
      spend: (error) => this.spend(error),
      now: nowMs,
    })
  }

  private createData(): DataServer {
    return new DataServer({
      pod: this.pod,
      logs: this.logs,
      scope: this.scope,
      invocations: this.invocations,
      podName: this.environment.pod.name,
      process: this.process,
      loop: (servers) => new LoopWatch([...servers, this.control.server], this.process),
    })
  }

  private specialize(claim: Specialization, response: ServerResponse): Promise<Specialized> {
    const { pod, process, logs, environment } = this
    guardExits(process, {
      logs,
      codeDir: () => this.codeDir ?? '',
      failAll: (objectFor) => {
        this.control.failLoad(objectFor('init'))
        this.invocations.failAll('unhandled', ({ id }) => objectFor(id))
      },
      stopAdmitting: () => (pod.state = 'leaving'),
      isEnding: () => this.leaving.isEnding,
      abandon: (exitCode) => this.leaving.abandon(exitCode),
    })
    response.once('close', () => pod.board?.forgetFd(0))
    return specialize(claim, socketFd(response.socket), {
      pod,
      watchdog: this.watchdog,
      logs,
      running: () => this.scope.getStore(),
      process,
      podName: environment.pod.name,
      codeParent: environment.codeDir,
      compileCache: environment.compileCache,
      initTimeoutMs: environment.initTimeoutMs,
      onCodeDir: (dir) => (this.codeDir = dir),
    })
  }

  /** Nobody gets this pod any more, but it goes on saying why. */
  private spend(error: ErrorObject): void {
    this.pod.failed = error
    this.pod.state = 'leaving'
  }

  /** A parent that dies without a word closes our stdin. */
  private followParent(): void {
    const { stdin } = this.process
    stdin.on('end', () => this.leaving.begin())
    stdin.on('error', () => this.leaving.begin())
    stdin.resume()
    if ('unref' in stdin) stdin.unref()
  }
}

interface SocketAddress {
  fd: number | undefined
  port: number
  host: string | undefined
}

/** On the inherited socket, if there is one. */
function listen(server: Server, { fd, ...address }: SocketAddress) {
  return new Promise<number>((resolve, reject) => {
    server.once('error', reject)
    server.listen(fd === undefined ? address : { fd }, () => resolve((server.address() as AddressInfo).port))
  })
}
