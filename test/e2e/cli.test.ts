import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { createServer, type Server } from 'node:http'
import { createWorkspace, functionYaml } from '../builders/dormouse-command.ts'
import { useBed } from './bed.ts'
import { describeOnCluster, e2e } from './environment.ts'

const ECHO = `export const handler = async (event) => {
  console.log('seen', event.n)
  if (event.fail) throw new TypeError('not today')
  return event
}`
/** What an API server's proxy of Services would rewrite. */
const PAGE = `export const handler = (req, res) => {
  res.writeHead(200, { 'content-type': 'text/html', 'access-control-allow-origin': '*' })
  res.end('<a href="/x">' + req.method + '</a>')
}`

describeOnCluster('the command on a cluster', () => {
  const bed = useBed('cli')
  let workspace: ReturnType<typeof createWorkspace>
  /** In the suite's namespace. */
  const run = (...args: string[]) => workspace.run(...args, '-n', bed.namespace)

  beforeAll(() => {
    workspace = createWorkspace(
      { 'echo.yaml': functionYaml('echo', ECHO), 'page.yaml': functionYaml('page', PAGE, '  signature: http\n') },
      e2e().kubeconfig,
    )
  })
  afterAll(() => workspace.end())

  test('applies manifests into the namespace given, waits until they serve, and says unchanged the second time', async () => {
    const { code, stdout } = await run('apply', '-f', 'echo.yaml', '-f', 'page.yaml')
    expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringMatching(/^function\/echo created$/m) })
    expect(stdout).toMatch(/^function\/page ready {2}revision \w+ after \d+ ms$/m)
    expect((await run('apply', '-f', 'echo.yaml', '--no-wait')).stdout).toBe('function/echo unchanged\n')
    expect(await bed.kubectl('get', 'fn', 'echo', '-o', 'jsonpath={.metadata.managedFields[*].manager}')).toContain(
      'dormouse-cli',
    )
  })

  test('lists and describes what is there', async () => {
    expect((await run('get', 'fn')).stdout).toMatch(/^NAME +RUNTIME +READY +PODS +URL +AGE\necho +node +True/)
    const { stdout } = await run('describe', 'fn', 'echo')
    expect(stdout).toContain('index.mjs: ')
    expect(stdout).toMatch(/Ready +True/)
  })

  test('invokes, with the log of the invocation on stderr', async () => {
    const { code, stdout, stderr } = await run('invoke', 'echo', '--data', '{"n":41}', '--tail')
    expect({ code, stdout }).toEqual({ code: 0, stdout: '{"n":41}\n' })
    expect(stderr).toMatch(/\tINFO\tseen 41$/m)
  })

  test('of a function that throws prints its error object and exits 6', async () => {
    const { code, stdout } = await run('invoke', 'echo', '--data', '{"fail":true}')
    expect(code).toBe(6)
    expect(JSON.parse(stdout)).toMatchObject({ errorType: 'TypeError', errorMessage: 'not today' })
  })

  test('prints byte for byte what an http function answers', async () => {
    expect((await run('invoke', 'page')).stdout).toBe('<a href="/x">GET</a>\n')
  })

  test('carries a megabyte there and back', async () => {
    workspace.write('big.json', JSON.stringify({ text: 'x'.repeat(1_000_000) }))
    const { code, stdout } = await run('invoke', 'echo', '--data', '@big.json')
    expect([code, stdout.length]).toEqual([0, 1_000_012])
  })

  test('prints the lines of all pods of a function, and follows those that come', async () => {
    const follow = workspace.start(['logs', 'echo', '-f', '-n', bed.namespace])
    await bed.eventually('the line there was', async () => /\tINFO\tseen 41/.test(follow.stdout()))
    await run('invoke', 'echo', '--data', '{"n":42}')
    await bed.eventually('the line that came', async () => /\tINFO\tseen 42/.test(follow.stdout()))
    follow.child.kill('SIGINT')
    expect((await follow.ended).code).toBe(130)
    const { stdout } = await run('logs', 'echo', '--tail', '3')
    expect(stdout.trim().split('\n')).toHaveLength(3)
  })

  test('shows a mistake where it stands in the file, and what only the API server knows in its words', async () => {
    workspace.write('wrong.yaml', functionYaml('echo', ECHO, '  timeout: 2h\n'))
    const { code, stderr } = await run('apply', '-f', 'wrong.yaml')
    expect(code).toBe(4)
    expect(stderr).toMatch(/^wrong\.yaml:10:3: spec\.timeout: Invalid value/)
    const elsewhere = await workspace.run('apply', '-f', 'echo.yaml', '-n', 'no-such-namespace')
    expect(elsewhere).toMatchObject({ code: 4, stderr: expect.stringContaining('no-such-namespace') })
  })

  test('of what is not there exits 3, of what may not be seen says who may not', async () => {
    expect((await run('get', 'fn', 'nobody')).code).toBe(3)
    const { code, stderr } = await workspace.run('get', 'fn', '-n', bed.namespace, '--kubeconfig', 'none.yaml')
    expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining('none.yaml') })
  })

  test('status names parts, leader and readiness; doctor finds nothing wrong', async () => {
    const { code, stdout } = await workspace.run('status')
    expect(code).toBe(0)
    expect(stdout).toMatch(/^controller +\d\/\d/m)
    expect(stdout).toMatch(/^Leader: +\S+-controller-\S+ for/m)
    const doctor = await workspace.run('doctor', '--json')
    const { findings } = JSON.parse(doctor.stdout) as { findings: { subject: string; problem: string }[] }
    // Other suites leave Functions that fail on purpose.
    expect(findings.filter(({ subject }) => PLATFORM.includes(subject))).toEqual([])
  })

  test('doctor names a Function whose Runtime does not exist', async () => {
    workspace.write('lost.yaml', functionYaml('lost', ECHO).replace('runtime: node', 'runtime: nowhere'))
    await run('apply', '-f', 'lost.yaml', '--no-wait')
    await bed.eventually('doctor says so', async () => {
      const { code, stdout } = await workspace.run('doctor')
      return code === 1 && /not ready \(RuntimeNotFound\): .*\/lost/.test(stdout)
    })
    expect((await run('delete', 'fn', 'lost')).stdout).toBe('function/lost deleted\n')
  })

  test('asks who is meant when a local instance answers on the default port, too', async () => {
    const server = await listen(9090)
    try {
      const { code, stderr } = await workspace.run('get', 'fn')
      expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringMatching(/found both .*--context NAME/) })
    } finally {
      server.close()
    }
  })
})

const PLATFORM = [
  ...['API server', 'clock', 'CRDs', 'installation', 'controller', 'gateway', 'dispatcher', 'Kafka', 'leader'],
]

/** As much of a local instance as is asked. */
function listen(port: number): Promise<Server> {
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ stateDir: '/elsewhere' }))
  })
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => resolve(server))
  })
}

describeOnCluster(
  'the command on events of a cluster',
  () => {
    const bed = useBed('cli-events')
    const topic = () => `${bed.namespace}-names`
    let workspace: ReturnType<typeof createWorkspace>
    const run = (...args: string[]) => workspace.run(...args, '-n', bed.namespace)

    beforeAll(async () => {
      const trigger = `---
apiVersion: dormouse.dev/v1alpha1
kind: Trigger
metadata:
  name: names
spec:
  function: echo
  kafka:
    topics: [${topic()}]
  retry:
    maxAttempts: 1
`
      workspace = createWorkspace({ 'app.yaml': `${functionYaml('echo', ECHO)}${trigger}` }, e2e().kubeconfig)
      await run('apply', '-f', 'app.yaml')
    })
    afterAll(() => workspace.end())

    test('an asynchronous invocation gives an id, and its result by it', async () => {
      expect(await run('invoke', 'echo', '--data', '{"n":1}', '--async', '--wait')).toMatchObject({
        code: 0,
        stdout: '{"n":1}\n',
      })
      const { stdout: id } = await run('invoke', 'echo', '--data', '{"n":2}', '--async')
      expect((await workspace.run('invocation', 'get', id.trim())).stdout).toMatch(/Status:/)
    })

    test('a record that is published is delivered; one that fails is a dead letter that can be looked at and redriven', async () => {
      const published = await workspace.run('publish', topic(), '-d', '{"n":3,"fail":true}')
      expect(published).toMatchObject({ code: 0, stdout: expect.stringMatching(/\/\d+@\d+\n$/) })
      expect((await workspace.run('events', 'tail', topic(), '--max', '1')).stdout).toContain('"fail":true')
      await bed.eventually('the dead letter', async () =>
        (await run('dlq', 'list', '--trigger', 'names')).stdout.includes('not today'),
      )
      await bed.eventually('it is told of the Trigger', async () =>
        /Dead letters: +\S/.test((await run('trigger', 'describe', 'names')).stdout),
      )
      expect((await run('dlq', 'redrive', '--trigger', 'names')).stdout).toMatch(/^1 dead letter redriven/)
    })
  },
  { kafka: true },
)
