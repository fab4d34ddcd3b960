import type { Command } from 'commander'
import { examples, withClusterOptions } from '../command-options.ts'
import type { CliContext } from '../context.ts'
import type { ClusterOptions } from '../health/look.ts'

export function addStatusCommand(program: Command, context: CliContext): void {
  const command = program
    .command('status')
    .description('show the state of the installation in a cluster: parts, leader, functions, pools')
    .action(async (options: ClusterOptions) => {
      const [{ look }, { statusReport }, { hiddenOf }] = await Promise.all([
        import('../health/look.ts'),
        import('../health/status-report.ts'),
        import('../health/observation.ts'),
      ])
      const observation = await look(context, options)
      context.stdout.write(statusReport(observation))
      for (const hidden of hiddenOf(observation)) context.stderr.write(`not seen: ${hidden}\n`)
    })
  withClusterOptions(command).addHelpText(
    'after',
    examples([['dormouse status', 'what runs; `dormouse doctor` says what is wrong']]),
  )
}
