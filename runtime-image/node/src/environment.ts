/** What the platform tells the process through its environment. Taken once, then gone: user code must not see it. */
export interface Environment {
  controlPort: number
  dataPort: number
  /** Listening sockets inherited from the parent; the ports and the host are then of no account. */
  controlFd?: number
  dataFd?: number
  /** Absent: every address, IPv6 and IPv4. */
  host: string | undefined
  pod: { namespace: string; name: string; uid: string; address: string }
  /** Base64 of the SPKI DER of an Ed25519 public key. */
  publicKey: string
  phoneHome?: { url: string; token: string }
  readyFd?: number
  /** Where the parent's secret waits; see start-secret.ts. */
  secretFd?: number
  initTimeoutMs: number
  /** Parent of the directory user code is written to; default: the system's temporary directory. */
  codeDir?: string
  /** Directory of V8's compile cache for user code and lazily loaded parts. */
  compileCache?: string
  /** End when stdin ends: set by a parent that must not leave orphans. */
  exitOnStdinEnd: boolean
}

const PREFIX = 'DORMOUSE_'
const MOST_FD = 1_048_576
const DEFAULT_INIT_TIMEOUT_MS = 10_000

/**
 * Reads and removes every `DORMOUSE_*` variable, and removes what Node itself was told at its start. Throws an Error that names the variable,
 * what was expected and what came.
 */
export function takeEnvironment(env: Record<string, string | undefined>): Environment {
  const taken = take(env)
  delete env['NODE_OPTIONS']
  const url = taken.get('PHONE_HOME_URL')
  const fd = (name: string) => (taken.has(name) ? wholeNumber(taken, name, { max: MOST_FD }) : undefined)
  const readyFd = fd('READY_FD')
  const controlFd = fd('CONTROL_FD')
  const dataFd = fd('DATA_FD')
  const secretFd = fd('SECRET_FD')
  const codeDir = taken.get('CODE_DIR')
  const compileCache = taken.get('COMPILE_CACHE')
  return {
    controlPort: wholeNumber(taken, 'CONTROL_PORT', { max: 65_535 }),
    dataPort: wholeNumber(taken, 'DATA_PORT', { max: 65_535 }),
    ...(controlFd === undefined ? {} : { controlFd }),
    ...(dataFd === undefined ? {} : { dataFd }),
    ...(secretFd === undefined ? {} : { secretFd }),
    host: taken.get('LISTEN_HOST'),
    pod: {
      namespace: required(taken, 'POD_NAMESPACE'),
      name: required(taken, 'POD_NAME'),
      uid: required(taken, 'POD_UID'),
      address: taken.get('POD_IP') ?? '127.0.0.1',
    },
    publicKey: required(taken, 'PUBLIC_KEY'),
    ...(url === undefined ? {} : { phoneHome: { url, token: required(taken, 'PHONE_HOME_TOKEN') } }),
    ...(readyFd === undefined ? {} : { readyFd }),
    initTimeoutMs: wholeNumber(taken, 'INIT_TIMEOUT_MS', { max: 900_000, fallback: DEFAULT_INIT_TIMEOUT_MS }),
    ...(codeDir === undefined ? {} : { codeDir }),
    ...(compileCache === undefined ? {} : { compileCache }),
    exitOnStdinEnd: taken.get('EXIT_ON_STDIN_END') === '1',
  }
}

/** Empty counts as absent, as Kubernetes writes it for unset optional values. */
function take(env: Record<string, string | undefined>): Map<string, string> {
  const taken = new Map<string, string>()
  for (const name of Object.keys(env)) {
    if (!name.startsWith(PREFIX)) continue
    const value = env[name]
    if (value !== undefined && value !== '') taken.set(name.slice(PREFIX.length), value)
    delete env[name]
  }
  return taken
}

function required(taken: Map<string, string>, name: string): string {
  const value = taken.get(name)
  if (value === undefined) throw new Error(`${PREFIX}${name} is missing from the environment`)
  return value
}

function wholeNumber(taken: Map<string, string>, name: string, limits: { max: number; fallback?: number }): number {
  const text = taken.get(name) ?? limits.fallback?.toString() ?? required(taken, name)
  const value = Number(text)
  if (/^\d+$/.test(text) && value <= limits.max) return value
  throw new Error(`${PREFIX}${name} must be a whole number from 0 to ${limits.max}, got "${text}"`)
}
