/**
 * Variables that Node reads when it starts. A pod's process starts before anybody knows which function's environment it will have: what has a
 * way in later is set here. NODE_OPTIONS is refused with its Function.
 */
export interface Told {
  warn: (message: string) => void
}

/** `env`: the function's. Paths are relative to the working directory, as for Node. */
export function applyNodeSettings(env: Record<string, string>, told: Told): void {
  const { NODE_EXTRA_CA_CERTS: file = '', NODE_USE_SYSTEM_CA: system, NODE_USE_ENV_PROXY: proxy } = env
  const systems = () => process.getBuiltinModule('node:tls').getCACertificates('system')
  if (system === '1') trust('NODE_USE_SYSTEM_CA=1', systems, told)
  if (file !== '') trust(`NODE_EXTRA_CA_CERTS=${file}`, () => [readCertificates(file)], told)
  if (proxy === '1') useProxy(told)
}

/** As Node does: without them there is less trust, which no more than a warning is needed for. */
function trust(variable: string, more: () => readonly (string | Buffer)[], told: Told): void {
  const tls = process.getBuiltinModule('node:tls')
  attempt(variable, () => tls.setDefaultCACertificates([...tls.getCACertificates('default'), ...more()]), told)
}

/** Throws for what is none: tls passes it over. */
function readCertificates(file: string): Buffer {
  const bytes = process.getBuiltinModule('node:fs').readFileSync(file)
  const { X509Certificate } = process.getBuiltinModule('node:crypto')
  return new X509Certificate(bytes) && bytes
}

function useProxy(told: Told): void {
  attempt('NODE_USE_ENV_PROXY=1', () => process.getBuiltinModule('node:http').setGlobalProxyFromEnv(), told)
}

function attempt(variable: string, set: () => void, { warn }: Told): void {
  try {
    set()
  } catch (error) {
    warn(`${variable} is ignored: ${error instanceof Error ? error.message : String(error)}`)
  }
}
