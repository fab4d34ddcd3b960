import { events } from './events.ts'
import { functionPage } from './function.ts'
import type { Dashboard } from './model.ts'
import { overview } from './overview.ts'

export const DASHBOARDS: readonly Dashboard[] = [overview, functionPage, events]
