/** What a cluster knows when a test has failed: enough to tell why without running it again. */
import { e2e } from './environment.ts'
import { tryKubectl } from './kubectl.ts'

const LINES = 40

/** Never throws: it is asked by somebody who has an error already. */
export async function describeNamespace(namespace: string): Promise<string> {
  const { namespace: own, release } = e2e()
  const questions = [
    ['get', 'functions,triggers,pods', '-o', 'wide', '--namespace', namespace],
    [
      'get',
      'functions.dormouse.dev',
      '-o',
      'jsonpath={range .items[*]}{.metadata.name} {.status}{"\\n"}{end}',
      '--namespace',
      namespace,
    ],
    ['get', 'events', '--sort-by=.lastTimestamp', '--namespace', namespace],
    ['logs', '--selector=dormouse.dev/runtime', '--prefix', `--tail=${LINES}`, '--namespace', namespace],
    ['get', 'pods', '-o', 'wide', '--namespace', own],
    ...['controller', 'gateway', 'dispatcher'].map((part) => [
      ...['logs', `--selector=app.kubernetes.io/component=${part},app.kubernetes.io/instance=${release}`],
      ...['--prefix', `--tail=${LINES}`, '--namespace', own],
    ]),
  ]
  const answers = await Promise.all(questions.map((question) => tryKubectl(question, { timeoutMs: 20_000 })))
  return questions
    .map((question, index) => {
      const { stdout = '', stderr = '' } = answers[index] ?? {}
      const lines = `${stdout}${stderr}`.trimEnd().split('\n')
      return [`$ kubectl ${question.join(' ')}`, ...lines.slice(-3 * LINES)].join('\n')
    })
    .join('\n\n')
}
