/** Debian's nginx proxying to the pod with keep-alive connections upstream, one worker, in a temporary directory. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { holdFreePort } from '../../../local/free-port.ts'
import { cpuUs } from '../process-cost.ts'

export const NGINX = '/usr/sbin/nginx'

export interface Nginx {
  pid: number
  port: number
  cpuUs(): number
  stop(): Promise<void>
}

/** `upstream`: host:port. Undefined when it is not installed. */
export async function startNginx(upstream: string): Promise<Nginx | undefined> {
  if (!existsSync(NGINX)) return undefined
  const directory = await mkdtemp(join(tmpdir(), 'dormouse-nginx-'))
  const { port, release } = await holdFreePort('127.0.0.1')
  await release()
  await writeFile(join(directory, 'nginx.conf'), configuration({ directory, port, upstream }))
  const child = spawn(NGINX, ['-c', join(directory, 'nginx.conf'), '-p', directory, '-e', 'stderr'], {
    stdio: 'ignore',
  })
  await listening(port)
  return {
    pid: child.pid ?? 0,
    port,
    cpuUs: () => cpuUs(child.pid ?? 0),
    async stop() {
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGQUIT')
      const cut = setTimeout(() => child.kill('SIGKILL'), 1_000)
      await ended
      clearTimeout(cut)
      await rm(directory, { recursive: true, force: true })
    },
  }
}

function configuration({ directory, port, upstream }: { directory: string; port: number; upstream: string }): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${directory}/${kind};`,
  )
  return `daemon off; master_process off; worker_processes 1; pid ${directory}/nginx.pid; error_log stderr crit;
events { worker_connections 4096; }
http {
  access_log off; ${temporary.join(' ')} keepalive_requests 10000000;
  upstream pod { server ${upstream}; keepalive 256; keepalive_requests 10000000; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://pod; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Request-Id $request_id;
    }
  }
}
`
}

async function listening(port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const up = await fetch(`http://127.0.0.1:${port}/`).then(
      () => true,
      () => false,
    )
    if (up) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error('nginx did not listen within 4 s')
}
