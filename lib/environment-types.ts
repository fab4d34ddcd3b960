/** Kinds of values that the environments of several processes have. */
import { z } from 'zod'

export const portVariable = (fallback: number) => z.coerce.number().int().min(0).max(65_535).default(fallback)

export const positiveVariable = (fallback: number) => z.coerce.number().int().min(1).default(fallback)

export const logLevelVariable = z.enum(['debug', 'info', 'warn', 'error']).default('info')

/** 0: none of it. */
export const durationVariable = (fallbackMs: number) => z.coerce.number().int().min(0).default(fallbackMs)
