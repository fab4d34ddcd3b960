import { afterEach, expect, test } from '@jest/globals'
import { eventually } from '../../builders/eventually.ts'
import { endRuntimes, RuntimeProcess } from '../../builders/runtime-process.ts'

afterEach(endRuntimes)

const CLOSERS: [string, string][] = [
  ['fs.closeSync', `import { closeSync } from 'node:fs'; const close = () => [1, 2].forEach((fd) => closeSync(fd))`],
  ['fs.close', `import fs from 'node:fs'; const close = () => [1, 2].forEach((fd) => fs.close(fd, () => undefined))`],
  [
    'a WriteStream that ends',
    `import fs from 'node:fs'; const close = () => [1, 2].forEach((fd) => fs.createWriteStream('', { fd }).end('last'))`,
  ],
]

/** The number of a closed descriptor goes to the next connection: log lines would be written into somebody's answer. */
test.each(CLOSERS)('log lines never end up in an answer, though user code closes stdout by %s', async (_how, code) => {
  const runtime = await RuntimeProcess.with({
    files: {
      'index.mjs': `${code}
        export const handler = async () => { close(); await new Promise((r) => setTimeout(r, 20)); console.log('hello'); return 'fine' }`,
    },
    concurrency: 20,
  })
  for (let round = 0; round < 3; round++) {
    const answers = await Promise.all(Array.from({ length: 10 }, () => runtime.invoke({})))
    expect(answers.map(({ text }) => text)).toEqual(Array.from({ length: 10 }, () => '"fine"'))
  }
  await eventually('all is told', () => (runtime.stdout.match(/hello/g) ?? []).length >= 30)
  expect(runtime.stdout.match(/hello/g)).toHaveLength(30)
})
