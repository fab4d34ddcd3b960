/** What a Trigger's values must mean, beyond their types. */
import { between, dnsLabel, doesNotMatch, matches, metadataNameRule, rule, type Rule } from './rule.ts'

const DNS_LABEL = '[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?'
const HEADER_NAME = "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"

const corsRules: Rule[] = [
  rule<{ allowCredentials: boolean; allowOrigins: string[] }>(
    {
      path: 'spec.http.cors',
      message: 'allowCredentials needs origins that are named one by one: allowOrigins must not contain *',
    },
    "!self.allowCredentials || !('*' in self.allowOrigins)",
    (cors) => !cors.allowCredentials || !cors.allowOrigins.includes('*'),
  ),
  matches(
    {
      path: 'spec.http.cors.allowOrigins[]',
      message: 'origins must be * or scheme://host[:port] in lower case, without a path',
    },
    '^(\\*|[a-z][a-z0-9+.-]*://([a-z0-9._-]+|\\[[0-9a-f:]+\\])(:[0-9]{1,5})?)$',
  ),
  matches({ path: 'spec.http.cors.allowHeaders[]', message: 'allowHeaders must be header names' }, HEADER_NAME),
  matches({ path: 'spec.http.cors.exposeHeaders[]', message: 'exposeHeaders must be header names' }, HEADER_NAME),
  between({ path: 'spec.http.cors.maxAgeSeconds', message: 'maxAgeSeconds must be between 0 and 86400' }, 0, 86_400),
]

export const TRIGGER_RULES: readonly Rule[] = [
  metadataNameRule,
  dnsLabel('spec.function', 'function'),
  rule<{ http?: unknown }>(
    { path: 'spec', message: 'exactly one of http must be set' },
    'has(self.http)',
    (spec) => spec.http !== undefined,
  ),
  matches(
    {
      path: 'spec.http.hosts[]',
      message: 'hosts must be lower-case host names without port, with *. in front for every name below',
    },
    `^(\\*\\.)?(${DNS_LABEL}\\.)*${DNS_LABEL}$`,
  ),
  matches({ path: 'spec.http.path', message: 'path must start with /' }, '^/'),
  doesNotMatch({ path: 'spec.http.path', message: "path must not contain '..' as a segment" }, '(^|/)\\.\\.(/|$)'),
  doesNotMatch(
    { path: 'spec.http.path', message: "path must not contain '//', '?', '#', '%', backslashes or control characters" },
    '//|[?#%\\\\\\x00-\\x1f\\x7f]',
  ),
  ...corsRules,
]
