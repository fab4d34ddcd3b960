/** The yardstick of this machine, measured in the same run: a bare node process from exec to its first answer, and our runtime without a platform. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { request } from 'node:http'

const SERVER = `require('node:http').createServer((q,r)=>r.end('ok')).listen(0,'127.0.0.1',function(){process.stdout.write(this.address().port+'\\n')})`

/** Milliseconds from spawn to the first answer over HTTP. The process is ended afterwards. */
export async function bareNodeFirstAnswerMs(): Promise<number> {
  const startedAt = performance.now()
  const child = spawn(process.execPath, ['-e', SERVER], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  await get(`http://127.0.0.1:${line.toString().trim()}/`)
  const elapsedMs = performance.now() - startedAt
  child.kill('SIGKILL')
  await once(child, 'close')
  return elapsedMs
}

/** One GET on a fresh connection; resolves with status, headers and body. */
export function get(
  url: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; headers: Record<string, unknown>; body: string }> {
  return new Promise((resolve, reject) => {
    const call = request(url, { agent: false, headers }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString(),
        }),
      )
      response.on('error', reject)
    })
    call.on('error', reject)
    call.end()
  })
}
