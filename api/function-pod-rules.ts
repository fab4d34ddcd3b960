/** What the values of a Function's environment, resources and service account must mean, beyond their types. */
import { MAX_ENV_BYTES, type EnvVariable, type FunctionResources } from './function-pod.ts'
import { PLACEMENT_RULES } from './placement.ts'
import { cpuMillis, CPU_PATTERN, quantityBytes, QUANTITY_PATTERN } from './quantity.ts'
import {
  cpuBetween,
  doesNotMatch,
  exactlyOne,
  matches,
  objectName,
  quantityBetween,
  raw,
  rule,
  type Expectation,
  type Rule,
} from './rule.ts'

const bytes = (text: string) => Buffer.byteLength(text)
const sum = (numbers: number[]) => numbers.reduce((total, number) => total + number, 0)

const KEY = '^[-._a-zA-Z0-9]+$'

const keyRefRules = (ref: 'secretKeyRef' | 'configMapKeyRef'): Rule[] => [
  objectName(`spec.env[].valueFrom.${ref}.name`, 'name'),
  matches({ path: `spec.env[].valueFrom.${ref}.key`, message: "key must be letters, digits, '-', '_' or '.'" }, KEY),
]

const RESERVED_ENV = '^((AWS_LAMBDA_|LAMBDA_|DORMOUSE_).*|_HANDLER|_X_AMZN_TRACE_ID|NODE_OPTIONS)$'

const envRules: Rule[] = [
  matches(
    {
      path: 'spec.env[].name',
      message: 'name must be letters, digits and underscores, and not start with a digit',
    },
    '^[A-Za-z_][A-Za-z0-9_]*$',
  ),
  doesNotMatch(
    {
      path: 'spec.env[].name',
      message:
        'name is reserved: AWS_LAMBDA_*, LAMBDA_*, DORMOUSE_*, _HANDLER, _X_AMZN_TRACE_ID and NODE_OPTIONS are set by the platform',
    },
    RESERVED_ENV,
  ),
  matches({ path: 'spec.env[].value', message: 'value must not contain NUL' }, '^[^\\x00]*$'),
  rule<EnvVariable>(
    { path: 'spec.env[]', message: 'value must be left out when valueFrom is set' },
    "!has(self.valueFrom) || self.value == ''",
    ({ value, valueFrom }) => valueFrom === undefined || value === '',
  ),
  exactlyOne('spec.env[].valueFrom', ['secretKeyRef', 'configMapKeyRef']),
  ...keyRefRules('secretKeyRef'),
  ...keyRefRules('configMapKeyRef'),
  rule<EnvVariable[]>(
    { path: 'spec.env', message: 'env must be at most 4 KiB in all, names and values together' },
    `self.map(entry, size(bytes(entry.name)) + size(bytes(entry.value))).sum() <= ${MAX_ENV_BYTES}`,
    (env) => sum(env.map(({ name, value }) => bytes(name) + bytes(value))) <= MAX_ENV_BYTES,
  ),
]

/** Only of what the rules about each of them let pass: comparing anything else is an error in CEL. */
function requestWithinLimit(
  field: 'cpu' | 'memory',
  { pattern, amount }: { pattern: string; amount: (text: string) => number },
): Rule {
  const at: Expectation = {
    path: 'spec.resources',
    message: `requests.${field} must not be greater than limits.${field}`,
  }
  const [request, limit] = [`self.requests.${field}`, `self.limits.${field}`]
  const isSet = `has(self.requests) && has(${request})`
  const areQuantities = `${request}.matches(${raw(pattern)}) && ${limit}.matches(${raw(pattern)})`
  const cel = `!(${isSet} && ${areQuantities}) || quantity(${request}).compareTo(quantity(${limit})) <= 0`
  const regex = new RegExp(pattern)
  return rule<FunctionResources>(at, cel, ({ requests, limits }) => {
    const asked = requests?.[field]
    if (asked === undefined || !regex.test(asked) || !regex.test(limits[field])) return true
    return amount(asked) <= amount(limits[field])
  })
}

const resourceRules: Rule[] = [
  cpuBetween({ path: 'spec.resources.limits.cpu', message: 'cpu must be between 10m and 64' }, '10m', '64'),
  quantityBetween(
    { path: 'spec.resources.limits.memory', message: 'memory must be between 32Mi and 10240Mi' },
    '32Mi',
    '10240Mi',
  ),
  cpuBetween({ path: 'spec.resources.requests.cpu', message: 'cpu must be between 1m and 64' }, '1m', '64'),
  quantityBetween(
    { path: 'spec.resources.requests.memory', message: 'memory must be between 1Mi and 10240Mi' },
    '1Mi',
    '10240Mi',
  ),
  requestWithinLimit('cpu', { pattern: CPU_PATTERN, amount: cpuMillis }),
  requestWithinLimit('memory', { pattern: QUANTITY_PATTERN, amount: quantityBytes }),
]

export const POD_RULES: readonly Rule[] = [
  ...envRules,
  ...resourceRules,
  objectName('spec.serviceAccountName', 'serviceAccountName'),
  ...PLACEMENT_RULES,
]
