/**
 * One rule, told twice from the same parameters: as CEL for the API server and as a check for the local validator, with one sentence for
 * both. Builders make the two together, so they cannot drift apart; a conformance test holds the CEL of the CRDs to the checks.
 * Rules speak after types, bounds and defaults: their values have the shape of the schema, and absent values are not asked.
 */
import { DURATION_PATTERN, durationMs } from './duration.ts'
import { CPU_PATTERN, cpuMillis, QUANTITY_PATTERN, quantityBytes } from './quantity.ts'

export interface Rule {
  /** Where it stands, from the object's root; `[]` = every item: `spec.env[].name`. */
  path: string
  /** Boolean CEL expression over `self`, the value at path. */
  cel: string
  /** One sentence, without full stop: what was expected. */
  message: string
  /** The same as `cel`. */
  check(value: unknown): boolean
}

export interface Expectation {
  path: string
  message: string
}

/** The general form: `check` must decide as `cel` does. */
export function rule<T>(at: Expectation, cel: string, check: (value: T) => boolean): Rule {
  return { ...at, cel, check: (value) => check(value as T) }
}

/** A CEL string that keeps backslashes as they are. Patterns must not contain double quotes. */
export const raw = (pattern: string) => `r"${pattern}"`

/** The text matches. Patterns keep to what RE2 and JavaScript read alike: no look-around, no `\s`. */
export function matches(at: Expectation, pattern: string): Rule {
  const regex = new RegExp(pattern)
  return rule<string>(at, `self.matches(${raw(pattern)})`, (text) => regex.test(text))
}

export function doesNotMatch(at: Expectation, pattern: string): Rule {
  const regex = new RegExp(pattern)
  return rule<string>(at, `!self.matches(${raw(pattern)})`, (text) => !regex.test(text))
}

/** An integer from min to max, both allowed. */
export function between(at: Expectation, min: number, max: number): Rule {
  return rule<number>(at, `self >= ${min} && self <= ${max}`, (value) => value >= min && value <= max)
}

/** The text is a duration from min to max. Without max, only bounded by what a duration can say. */
export function durationBetween(at: Expectation, min: string, max?: string): Rule {
  const bounds = [`duration(self) >= duration('${min}')`]
  if (max !== undefined) bounds.push(`duration(self) <= duration('${max}')`)
  const [minMs, maxMs] = [durationMs(min), max === undefined ? Infinity : durationMs(max)]
  const regex = new RegExp(DURATION_PATTERN)
  return rule<string>(at, [`self.matches(${raw(DURATION_PATTERN)})`, ...bounds].join(' && '), (text) => {
    return regex.test(text) && durationMs(text) >= minMs && durationMs(text) <= maxMs
  })
}

/** The text is a quantity of memory from min to max, both allowed. */
export function quantityBetween(at: Expectation, min: string, max: string): Rule {
  return amountBetween(at, { pattern: QUANTITY_PATTERN, amount: quantityBytes }, [min, max])
}

/** The text is a quantity of processor time from min to max, both allowed. */
export function cpuBetween(at: Expectation, min: string, max: string): Rule {
  return amountBetween(at, { pattern: CPU_PATTERN, amount: cpuMillis }, [min, max])
}

function amountBetween(
  at: Expectation,
  { pattern, amount }: { pattern: string; amount: (text: string) => number },
  [min, max]: readonly [string, string],
): Rule {
  const lower = `quantity(self).compareTo(quantity('${min}')) >= 0`
  const upper = `quantity(self).compareTo(quantity('${max}')) <= 0`
  const regex = new RegExp(pattern)
  return rule<string>(at, `self.matches(${raw(pattern)}) && ${lower} && ${upper}`, (text) => {
    return regex.test(text) && amount(text) >= amount(min) && amount(text) <= amount(max)
  })
}

/** Exactly one of the fields is set. */
export function exactlyOne(path: string, fields: readonly string[]): Rule {
  const message = `exactly one of ${fields.join(', ')} must be set`
  const cel = `[${fields.map((field) => `has(self.${field})`).join(', ')}].filter(isSet, isSet).size() == 1`
  return rule<Record<string, unknown>>({ path, message }, cel, (object) => {
    return fields.filter((field) => object[field] !== undefined).length === 1
  })
}

const LABEL_PATTERN = '^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$'

/** A DNS label: what names of our objects must be, since they end up in host names and paths. */
export function dnsLabel(path: string, subject: string): Rule {
  const message = `${subject} must be 1 to 63 lower-case letters, digits or '-', and start and end with a letter or digit`
  return matches({ path, message }, LABEL_PATTERN)
}

const SUBDOMAIN_PATTERN = '^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$'

/** A DNS subdomain: what names of Secrets, ConfigMaps and ServiceAccounts must be. */
export function objectName(path: string, subject: string): Rule {
  const message = `${subject} must be lower-case letters, digits, '-' or '.', and start and end with a letter or digit`
  return matches({ path, message }, SUBDOMAIN_PATTERN)
}

export const metadataNameRule = dnsLabel('metadata.name', 'name')
