/**
 * Writes charts/dormouse/dashboards/*.json from scripts/observability/. With --check it writes nothing and exits 1 naming each file that is
 * stale.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { DASHBOARDS } from './observability/dashboards.ts'
import { render } from './observability/render.ts'

const FOLDER = fileURLToPath(new URL('../charts/dormouse/dashboards/', import.meta.url))

/** File name → content, as they must be. */
export function dashboardFiles(): Map<string, string> {
  return new Map(
    DASHBOARDS.map((dashboard) => [`${dashboard.name}.json`, `${JSON.stringify(render(dashboard), null, 2)}\n`]),
  )
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } })
  if (!values.check) await mkdir(FOLDER, { recursive: true })
  for (const [name, content] of dashboardFiles()) {
    if (!values.check) {
      await writeFile(`${FOLDER}/${name}`, content)
    } else if ((await readFile(`${FOLDER}/${name}`, 'utf8').catch(() => undefined)) !== content) {
      console.error(`charts/dormouse/dashboards/${name} is stale: run \`npm run generate\``)
      process.exitCode = 1
    }
  }
}

if (import.meta.main) await main()
