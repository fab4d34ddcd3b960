import type { Command } from 'commander'
import { collect, examples, outputOption } from '../command-options.ts'
import type { CliContext } from '../context.ts'
import { requireManifests } from '../manifests/require-manifests.ts'
import { toYaml } from '../output/yaml.ts'

interface RenderOptions {
  filename: string[]
  output: 'yaml' | 'json'
}

export function addRenderCommand(program: Command, context: CliContext): void {
  program
    .command('render')
    .description('print manifests with their code packed in, as kubectl takes them')
    .requiredOption('-f, --filename <path>', 'file, folder or - (stdin); repeatable', collect)
    .addOption(outputOption(['yaml', 'json']))
    .action((options: RenderOptions) => render(context, options))
    .addHelpText('after', examples([['dormouse render -f app/ | kubectl apply -f -', 'the same app in a cluster']]))
}

async function render(context: CliContext, { filename, output }: RenderOptions): Promise<void> {
  const documents = (await requireManifests(context, filename)).map(({ written }) => written)
  const text =
    output === 'yaml'
      ? documents.map(toYaml).join('---\n')
      : `${JSON.stringify({ apiVersion: 'v1', kind: 'List', items: documents }, null, 2)}\n`
  context.stdout.write(text)
}
