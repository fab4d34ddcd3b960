/** What a Runtime's values must mean, beyond their types. */
import { PLACEMENT_RULES } from './placement.ts'
import { between, matches, metadataNameRule, rule, type Rule } from './rule.ts'

export const RUNTIME_RULES: readonly Rule[] = [
  metadataNameRule,
  matches({ path: 'spec.image', message: 'image must be the name of an image, without spaces' }, '^[^\\x00-\\x20]+$'),
  rule<string[]>(
    { path: 'spec.command', message: 'command must not be empty; leave it out to keep the entrypoint of the image' },
    'size(self) > 0',
    (command) => command.length > 0,
  ),
  between({ path: 'spec.pool.size', message: 'pool.size must be between 0 and 100' }, 0, 100),
  ...PLACEMENT_RULES,
]
