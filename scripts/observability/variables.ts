/** The choices on top of dashboards. `function` is `<namespace>/<name>` everywhere: a label of its own would be renamed by scrapers. */
import type { Variable } from './model.ts'

export const NAMESPACE: Variable = {
  name: 'namespace',
  label: 'Namespace',
  query: 'label_values(dormouse_controller_function_pods, function)',
  regex: '/^([^/]+)\\//',
  all: '[^/]+',
}
/** Functions that had pods in the time shown. */
export const FUNCTION: Variable = {
  name: 'function',
  label: 'Function',
  query: 'label_values(dormouse_controller_function_pods{function=~"$namespace/.*"}, function)',
}
/** Triggers, and functions that were invoked asynchronously. */
export const TRIGGER: Variable = {
  name: 'trigger',
  label: 'Trigger',
  query: 'label_values(dormouse_dispatcher_due_records{function=~"$namespace/.*"}, name)',
  all: '.*',
}

export const IN_NAMESPACE = 'function=~"$namespace/.*"'
export const OF_FUNCTION = 'function="$function"'
export const OF_TRIGGER = 'function=~"$namespace/.*",name=~"$trigger"'
/** Asynchronous invocations share their consumers: those series have no function. */
export const CONSUMER_OF_TRIGGER = 'name=~"$trigger"'
