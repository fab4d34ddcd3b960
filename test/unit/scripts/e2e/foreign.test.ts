import { describe, expect, test } from '@jest/globals'
import { imagesWay, isOnPath, pushCommands, type ClusterFacts } from '../../../../scripts/e2e/foreign.ts'
import { answers } from '../../../../scripts/e2e/reach.ts'

const facts = (part: Partial<ClusterFacts> & { programs?: string[] } = {}): ClusterFacts => ({
  ...{ isOurs: false, context: 'prod', registry: undefined, isPushed: false },
  has: (program) => part.programs?.includes(program) === true,
  ...part,
})

describe('images get', () => {
  const rows: [string, ClusterFacts, object][] = [
    [
      'loaded into a cluster of our own, whatever else is set',
      facts({ isOurs: true, registry: 'r' }),
      { kind: 'load', registry: 'localhost' },
    ],
    [
      'loaded into a cluster of kind',
      facts({ context: 'kind-ci', programs: ['kind'] }),
      { kind: 'kind', cluster: 'ci', registry: 'localhost' },
    ],
    [
      'pushed where a registry is named, also for kind',
      facts({ context: 'kind-ci', registry: 'r.io/x', programs: ['kind', 'docker', 'crane'] }),
      { kind: 'push', registry: 'r.io/x', by: 'crane' },
    ],
    [
      'left alone where they are said to be there',
      facts({ registry: 'r.io/x', isPushed: true }),
      { kind: 'there', registry: 'r.io/x' },
    ],
  ]
  test.each(rows)('%s', (_, of, want) => expect(imagesWay(of)).toEqual(want))

  test.each([
    ['no registry', facts(), 'expected E2E_REGISTRY to name a registry that the nodes of prod pull from'],
    ['kind\u2019s context and no kind', facts({ context: 'kind-ci' }), 'expected E2E_REGISTRY'],
    [
      'a registry and nothing to push with',
      facts({ registry: 'r.io/x' }),
      'expected skopeo, crane, docker on this machine to push images to r.io/x',
    ],
  ])('nowhere with %s, and the reason says what is expected', (_, of, sentence) => {
    const way = imagesWay(of)
    expect(way.kind === 'none' && way.reason).toContain(sentence)
  })
})

test('each way to push names the archive and where it goes', () => {
  const of = { archive: 'a.tar', name: 'localhost/x:1', target: 'r.io/x:1' }
  expect(pushCommands('skopeo', of)).toEqual([['skopeo', 'copy', 'docker-archive:a.tar', 'docker://r.io/x:1']])
  expect(pushCommands('crane', of)).toEqual([['crane', 'push', 'a.tar', 'r.io/x:1']])
  expect(pushCommands('docker', of).map(([, verb]) => verb)).toEqual(['load', 'tag', 'push'])
})

test('a program is looked for along the path', () => {
  expect(isOnPath('node', '/nowhere:/usr/bin:/bin:' + process.execPath.replace(/\/[^/]+$/, ''))).toBe(true)
  expect(isOnPath('node', '/nowhere')).toBe(false)
})

test('an address that nobody has does not answer', async () => {
  expect(await answers('127.0.0.1', 1)).toBe(false)
})
