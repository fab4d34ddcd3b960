import type { Command } from 'commander'
import { CliError } from '../cli-error.ts'
import { examples, withClusterOptions } from '../command-options.ts'
import type { CliContext } from '../context.ts'
import { EXIT } from '../exit-codes.ts'
import type { ClusterOptions } from '../health/look.ts'
import { visible } from '../output/visible.ts'

interface DoctorOptions extends ClusterOptions {
  json?: boolean
}

export function addDoctorCommand(program: Command, context: CliContext): void {
  const command = program
    .command('doctor')
    .description('say what is wrong with the installation in a cluster, and what to do; exits 1 when something is')
    .option('--json', 'print findings for programs')
    .action((options: DoctorOptions) => doctor(context, options))
  withClusterOptions(command).addHelpText(
    'after',
    examples([
      ['dormouse doctor', 'findings, each with what to do'],
      ['dormouse doctor --json | jq .findings', 'for programs'],
    ]),
  )
}

async function doctor(context: CliContext, options: DoctorOptions): Promise<void> {
  const [{ look }, { diagnose }, { hiddenOf }] = await Promise.all([
    import('../health/look.ts'),
    import('../health/diagnose.ts'),
    import('../health/observation.ts'),
  ])
  const observation = await look(context, options)
  const findings = diagnose(observation)
  const hidden = hiddenOf(observation)
  const { stdout, stderr } = context
  if (options.json === true) stdout.write(`${JSON.stringify({ findings, hidden }, null, 2)}\n`)
  else
    for (const { subject, problem, remedy } of findings)
      stdout.write(visible(`${subject}: ${problem}\n  → ${remedy}\n`))
  for (const what of options.json === true ? [] : hidden) stderr.write(`not seen: ${what}\n`)
  if (findings.length > 0)
    throw new CliError(EXIT.failure, findings.length === 1 ? '1 finding' : `${findings.length} findings`)
  const limit = hidden.length === 0 ? '' : ' in what could be seen'
  if (options.json !== true) stdout.write(`Nothing wrong found${limit}.\n`)
}
