/** Throw-away certificates by the openssl of the machine: Node can use them, not make them. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface KeyPair {
  /** PEM. */
  cert: string
  key: string
}

/** An authority and what it has signed. */
export interface Authority {
  ca: string
  /** For 127.0.0.1 and localhost, or for what was asked for. */
  server: KeyPair
  client: KeyPair
}

/** `names`: of its server, as subject alternative names. */
export function newAuthority(name: string, names = 'IP:127.0.0.1,DNS:localhost'): Authority {
  const directory = mkdtempSync(join(tmpdir(), 'dormouse-certificates-'))
  const run = (command: string) => execFileSync('openssl', command.split(' '), { cwd: directory, stdio: 'pipe' })
  const read = (file: string) => readFileSync(join(directory, file), 'utf8')
  const newKey = '-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'
  const sign = (who: string): KeyPair => {
    run(`req ${newKey} -keyout ${who}.key -out ${who}.csr -subj /CN=${who}`)
    run(`x509 -req -in ${who}.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -out ${who}.crt -extfile names`)
    return { cert: read(`${who}.crt`), key: read(`${who}.key`) }
  }
  try {
    writeFileSync(join(directory, 'names'), `subjectAltName=${names}`)
    run(`req -x509 ${newKey} -keyout ca.key -out ca.crt -days 2 -subj /CN=${name}`)
    return { ca: read('ca.crt'), server: sign('server'), client: sign('client') }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
