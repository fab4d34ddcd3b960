import { expect } from '@jest/globals'
import { scenario, useBed } from './bed.ts'
import { json } from './call.ts'
import { describeOnCluster } from './environment.ts'
import { startKubectl } from './kubectl.ts'
import { functionOf, saying } from './manifests.ts'

describeOnCluster('kubectl', () => {
  const bed = useBed('kubectl')

  scenario(bed, 'waits for a Function, and prints what matters of it in one line', async () => {
    await bed.apply(functionOf('hello', saying('hello')))
    await bed.kubectl('wait', '--for=condition=Ready', '--timeout=60s', 'fn/hello')
    // The pod that has loaded the code goes a moment after it has been seen to.
    const [header = '', line = ''] = await bed.eventually('it sleeps', async () => {
      const lines = (await bed.kubectl('get', 'fn', 'hello')).split('\n')
      return / True +0 /.test(lines[1] ?? '') && lines
    })
    expect(header.split(/\s{2,}/)).toEqual(['NAME', 'RUNTIME', 'READY', 'PODS', 'URL', 'AGE'])
    expect(line).toMatch(/^hello\s+node\s+True\s+0\s+http:\/\//)
  })

  scenario(bed, 'sees pods come and go with --watch', async () => {
    await bed.deploy(functionOf('seen', saying('seen'), { scaling: { idleAfter: '2s' } }))
    const watch = startKubectl(['--namespace', bed.namespace, 'get', 'fn', 'seen', '--watch'])
    let output = ''
    watch.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()))
    try {
      await bed.call('seen')
      await bed.eventually(
        'a line with one pod, then one without',
        async () => /True\s+1\s[^]*True\s+0\s/.test(output),
        60_000,
      )
    } finally {
      watch.kill()
    }
  })

  scenario(bed, 'scales: so many pods wait although nobody calls, and none again', async () => {
    await bed.deploy(functionOf('scaled', saying('scaled'), { scaling: { idleAfter: '2s' } }))
    await bed.kubectl('scale', 'fn/scaled', '--replicas=2')
    await bed.eventually('two pods', async () => (await bed.pods('scaled')).length === 2, 60_000)
    await bed.kubectl('scale', 'fn/scaled', '--replicas=0')
    await bed.eventually('no pod', async () => (await bed.pods('scaled')).length === 0, 90_000)
  })

  scenario(bed, 'deletes a Function and leaves what it owns, with --cascade=orphan', async () => {
    await bed.deploy(functionOf('orphaned', saying('orphaned')))
    await bed.kubectl('delete', 'fn', 'orphaned', '--cascade=orphan', '--timeout=30s')
    const owners = 'jsonpath={.items[*].metadata.ownerReferences}'
    const args = ['get', 'controllerrevisions,services', '-l', 'dormouse.dev/function=orphaned']
    expect(await bed.kubectl(...args, '-o', 'name')).toMatch(/controllerrevision[^]*service/)
    expect(await bed.kubectl(...args, '-o', owners)).toBe('')
    await bed.deploy(functionOf('orphaned', saying('anew')))
    expect(json(await bed.firstCall('orphaned'))['says']).toBe('anew')
  })

  scenario(bed, 'describes why a Function is not Ready, in conditions and events', async () => {
    await bed.apply(functionOf('nowhere', saying('nowhere'), { runtime: 'cobol' }))
    const text = await bed.eventually('it says which Runtime is missing', async () => {
      const described = await bed.kubectl('describe', 'fn', 'nowhere')
      return /cobol/.test(described.split('Status:')[1] ?? '') && described
    })
    expect(text).toMatch(/Status:\s+False[^]*Type:\s+Ready/)
  })
})
