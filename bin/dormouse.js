#!/usr/bin/env node
// Starts cli/main.ts. Needs a Node that runs TypeScript; an older one (20 or later) hands over to the Node 26 that npm installed with us.
// Plain JavaScript that Node 20 understands, without imports of ours.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import module from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const [major = 0] = process.versions.node.split('.').map(Number)

if (major >= 24 && process.features.typescript) await runHere()
else handOver()

async function runHere() {
  module.enableCompileCache?.(join(root, 'node_modules', '.cache', 'dormouse'))
  // Set by handOver: the shim may be killed without a chance to tell us; its end of the channel closes all the same.
  if (process.send) {
    process.on('disconnect', () => process.emit('SIGTERM', 'SIGTERM'))
    process.channel?.unref()
  }
  await import('../cli/main.ts')
}

function handOver() {
  const node = ['node/bin/node', 'node/bin/node.exe']
    .map((path) => join(root, 'node_modules', path))
    .find((path) => existsSync(path))
  if (node === undefined) {
    process.stderr.write(
      `dormouse: needs Node 24 or later, this is ${process.version}: run \`npm install\` in ${root}, which brings one\n`,
    )
    process.exit(1)
  }
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  })
  // A Ctrl-C reaches both of us; cli/main.ts takes two signals at once for one.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('error', (error) => {
    process.stderr.write(`dormouse: ${node} cannot be run: ${error.message}\n`)
    process.exit(1)
  })
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1)
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}
