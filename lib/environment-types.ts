/** Kinds of values that the environments of several processes have. */
import { z } from 'zod'

/** Empty is not zero. */
const whole = (least: number, most = Number.MAX_SAFE_INTEGER) =>
  z.preprocess((text) => (text === '' ? Number.NaN : text), z.coerce.number().int().min(least).max(most))

export const portVariable = (fallback: number) => whole(0, 65_535).default(fallback)

export const positiveVariable = (fallback: number) => whole(1).default(fallback)

export const logLevelVariable = z.enum(['debug', 'info', 'warn', 'error']).default('info')

/** 0: none of it. */
export const durationVariable = (fallbackMs: number) => whole(0).default(fallbackMs)
