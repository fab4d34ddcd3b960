import { expect, test } from '@jest/globals'
import { chooseTarget, type TargetFacts, type TargetOptions } from '../../../../cli/target/choose-target.ts'

const DEFAULT = 'http://127.0.0.1:9090'
const HERE = 'http://127.0.0.1:4000'
const nothing: TargetFacts = {
  serverVariable: undefined,
  instanceHere: undefined,
  cluster: undefined,
  defaultServer: DEFAULT,
  defaultServerAnswers: false,
}
const cluster = 'context dev of config'

test.each<[rule: string, options: TargetOptions, facts: Partial<TargetFacts>, want: unknown]>([
  ['--server names an instance', { server: 'http://a/' }, { cluster }, { kind: 'instance', server: 'http://a' }],
  ['--context names a cluster', { context: 'prod' }, { instanceHere: HERE }, { kind: 'cluster', context: 'prod' }],
  ['--kubeconfig names a cluster', { kubeconfig: 'f' }, { instanceHere: HERE }, { kind: 'cluster', kubeconfig: 'f' }],
  [
    'flags win over DORMOUSE_SERVER',
    { context: 'prod' },
    { serverVariable: 'http://b' },
    { kind: 'cluster', context: 'prod' },
  ],
  [
    'DORMOUSE_SERVER wins over what is found',
    {},
    { serverVariable: 'http://b/', instanceHere: HERE, cluster },
    { kind: 'instance', server: 'http://b' },
  ],
  ['an empty DORMOUSE_SERVER is none', {}, { serverVariable: '', cluster }, { kind: 'cluster' }],
  [
    'the instance of this folder wins over the kubeconfig',
    {},
    { instanceHere: HERE, cluster },
    { kind: 'instance', server: HERE },
  ],
  ['else the cluster of the kubeconfig', {}, { cluster }, { kind: 'cluster' }],
  ['else the default port, whoever listens', {}, {}, { kind: 'instance', server: DEFAULT }],
])('%s', (...[, options, facts, want]) => {
  expect(chooseTarget(options, { ...nothing, ...facts })).toEqual(want)
})

test('a cluster and an instance on the default port leave it to the user, who is told how to say which', () => {
  const facts = { ...nothing, cluster, defaultServerAnswers: true }
  expect(() => chooseTarget({}, facts)).toThrow(
    `found both a local instance at ${DEFAULT} and a cluster (${cluster}): say which with --server ${DEFAULT} or --context NAME`,
  )
})

test('an instance and a cluster cannot both be named', () => {
  expect(() => chooseTarget({ server: 'http://a', context: 'prod' }, nothing)).toThrow(
    '--server names a local instance and --context a cluster: give one of them',
  )
})

test('--state-dir means the instance on it and nobody else, not even whoever listens on the default port', () => {
  const facts = { ...nothing, cluster, defaultServerAnswers: true }
  expect(() => chooseTarget({ stateDir: 'x' }, facts)).toThrow(
    'no instance runs on x: start it with `dormouse dev --state-dir x`',
  )
  const server = 'http://b'
  expect(chooseTarget({ stateDir: 'x' }, { ...facts, serverVariable: server, instanceHere: HERE })).toEqual({
    kind: 'instance',
    server: HERE,
  })
})
