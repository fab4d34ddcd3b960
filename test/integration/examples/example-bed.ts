/** An example as it stands in its folder, applied to a running platform; its data in a directory of the test's own. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { EventRecord, TriggerInfo } from '../../../api/events-api.ts'
import { instanceDoor } from '../../../cli/client/door.ts'
import { createEventsClient, type EventsClient } from '../../../cli/client/events-client.ts'
import { loadManifests } from '../../../cli/manifests/load-manifests.ts'
import { startPlatform, type TestPlatform } from '../../builders/local-platform.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

export interface ExampleBed {
  platform: TestPlatform
  events: EventsClient
  dataDir: string
  /** Applies what a file or folder of the repository holds, and fails unless all of it becomes ready. */
  apply(source: string): Promise<void>
  records(topic: string): Promise<EventRecord[]>
  trigger(name: string): Promise<TriggerInfo>
  stop(): Promise<void>
}

export async function startExample(source: string): Promise<ExampleBed> {
  const dataDir = mkdtempSync(join(tmpdir(), 'dormouse-example-'))
  const platform = await startPlatform({ poolSize: 4 })
  const events = createEventsClient(instanceDoor(platform.managementUrl))
  const apply = (from: string) => applyExample(platform, from, dataDir)
  const stop = async () => {
    await platform.stop()
    rmSync(dataDir, { recursive: true, force: true })
  }
  try {
    await apply(source)
  } catch (error) {
    await stop()
    throw error
  }
  return {
    ...{ platform, events, dataDir, apply, stop },
    async records(topic) {
      const found: EventRecord[] = []
      const signal = new AbortController().signal
      for await (const record of events.tail({ topic, from: 'earliest' }, signal)) found.push(record)
      return found
    },
    trigger: (name) => events.trigger({ namespace: 'default', name }),
  }
}

async function applyExample(platform: TestPlatform, source: string, dataDir: string): Promise<void> {
  const { manifests, mistakes } = await loadManifests({
    sources: [source],
    cwd: ROOT,
    readStdin: async () => Buffer.alloc(0),
  })
  if (mistakes[0] !== undefined) throw new Error(`${mistakes[0].file}: ${mistakes[0].message}`)
  const ends = await platform.apply(...manifests.map(({ written }) => forTests(written, dataDir)))
  const bad = [...ends].find(([, { kind }]) => kind !== 'ready')
  if (bad !== undefined) throw new Error(`${bad[0]} did not become ready: ${JSON.stringify(bad[1])}`)
}

function forTests(written: Record<string, unknown>, dataDir: string): object {
  if (written['kind'] !== 'Function') return written
  const spec = written['spec'] as { scaling?: object }
  const scaling = { ...spec.scaling, idleAfter: '1s' }
  return { ...written, spec: { ...spec, scaling, env: [{ name: 'DATA_DIR', value: dataDir }] } }
}

/** The JSON of a record's value. */
export function valueOf({ value }: EventRecord): Record<string, unknown> {
  return value !== null && 'text' in value ? (JSON.parse(value.text) as Record<string, unknown>) : {}
}
