/** Prometheus and promtool for the tests of metrics: those in PATH, else Debian's, unpacked beside kubectl and helm and not installed, so that no service starts. */
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { errorText } from '../../lib/error-text.ts'
import { BIN } from './cluster.ts'
import { must, run } from './run.ts'

const PROGRAMS = ['prometheus', 'promtool']

/** Where it cannot be had, that is said; what needs it is skipped then. PATH has to name BIN. */
export async function bringPrometheus(): Promise<void> {
  const found = await Promise.all(PROGRAMS.map((program) => run([program, '--version'])))
  if (found.every(({ code }) => code === 0)) return
  const scratch = mkdtempSync(join(tmpdir(), 'dormouse-prometheus-'))
  try {
    await must(['sh', '-c', 'cd "$0" && apt-get download prometheus && dpkg-deb -x prometheus_*.deb .', scratch])
    mkdirSync(BIN, { recursive: true })
    for (const program of readdirSync(join(scratch, 'usr/bin')))
      if (PROGRAMS.includes(program)) copyFileSync(join(scratch, 'usr/bin', program), join(BIN, program))
  } catch (error) {
    console.log(`no Prometheus could be unpacked: ${errorText(error)}`)
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}
