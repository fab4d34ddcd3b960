/**
 * `npm run bench:cluster`: Dormouse's numbers on a real Kubernetes, installed by its chart with this tree's images as `make e2e` does it. `--only NAME` measures
 * one part (none: installs only), `--keep` leaves the installation for the next run, `--installed` takes the one that is there. Exit 1 while a goal is missed. Load goes to addresses of pods and Services of this machine only.
 */
import { parseArgs } from 'node:util'
import { BIN, closeCluster, openCluster } from '../../../scripts/e2e/cluster.ts'
import { bringImages } from '../../../scripts/e2e/images.ts'
import { install, uninstall } from '../../../scripts/e2e/installation.ts'

import { report, type Row } from '../stats.ts'
import { openBenchCluster, type BenchCluster } from './bench-cluster.ts'
import { coldStarts } from './cold-start.ts'
import { longRequests, tenTogether, twentyFiveTogether } from './many.ts'
import { nothingFails } from './nothing-fails.ts'
import { thousandFunctions } from './thousand.ts'
import { besideNginx, steadyRate } from './warm.ts'

const PARTS: Record<string, (bed: BenchCluster) => Promise<Row[]>> = {
  cold: coldStarts,
  ten: tenTogether,
  'twenty-five': twentyFiveTogether,
  long: longRequests,
  nginx: besideNginx,
  steady: steadyRate,
  failures: nothingFails,
  thousand: thousandFunctions,
  none: () => Promise.resolve([]),
}

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    keep: { type: 'boolean', default: false },
    installed: { type: 'boolean', default: false },
  },
})

async function measure(kubeconfig: string): Promise<void> {
  const names = values.only.length === 0 ? Object.keys(PARTS) : values.only
  for (const name of names) {
    const part = PARTS[name]
    if (part === undefined) throw new Error(`--only knows ${Object.keys(PARTS).join(', ')}, got ${name}`)
    const bed = await openBenchCluster(kubeconfig, name)
    try {
      report(`On Kubernetes: ${name}`, await part(bed))
    } finally {
      await bed.close()
    }
  }
}

async function installTree(kubeconfig: string): Promise<void> {
  const { registry, tag } = await bringImages({ kubeconfig, isOurs: true })
  await install({ kubeconfig, registry, tag, brokers: [] })
}

async function main(): Promise<void> {
  process.env['PATH'] = `${BIN}:${process.env['PATH'] ?? ''}`
  const cluster = await openCluster()
  if (cluster.kind === 'impossible') return console.log(`SKIP bench:cluster: ${cluster.reason}`)
  const { kubeconfig, startedHere } = cluster
  try {
    if (!values.installed) await installTree(kubeconfig)
    await measure(kubeconfig)
  } finally {
    if (!values.keep) await uninstall(kubeconfig)
    if (startedHere && !values.keep) await closeCluster()
  }
}

await main()
// Connections that wait keep the process.
process.exit()
