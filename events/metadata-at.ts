import type { Assignment, CommittedOffset } from './event-log.ts'

type Told = Pick<Assignment, 'metadata' | 'metadataOffset'>

/** What a commit tells whoever begins at `position`: nothing when its offset lies beyond it, as in a topic that was made anew. */
export function metadataAt(
  position: number,
  committed: Pick<CommittedOffset, 'offset' | 'metadata'> | undefined,
): Told {
  if (committed === undefined || committed.offset > position) return { metadata: '' }
  const { offset, metadata } = committed
  return offset === position || metadata === '' ? { metadata } : { metadata, metadataOffset: offset }
}
