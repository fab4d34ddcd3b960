/**
 * `npm run bench`: every `bench:*` of package.json, one after the other, so that they do not measure each other. Exit 1 when one missed its
 * goals or broke, naming it; the others run all the same.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'

const { scripts } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  scripts: Record<string, string>
}

async function run(name: string): Promise<boolean> {
  console.log(`\n## ${name}`)
  const child = spawn('npm', ['run', '--silent', name], { stdio: 'inherit' })
  const [code] = (await once(child, 'close')) as [number | null]
  return code === 0
}

const failed: string[] = []
for (const name of Object.keys(scripts).filter((script) => script.startsWith('bench:'))) {
  if (!(await run(name))) failed.push(name)
}
console.log(failed.length === 0 ? '\nall goals reached' : `\nnot all goals reached: ${failed.join(', ')}`)
process.exitCode = failed.length === 0 ? 0 : 1
