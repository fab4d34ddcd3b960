/** Who reads which partition: decided by the group's leader. Pure. */
export interface GroupMember {
  memberId: string
  topics: readonly string[]
}

/** Topic → partitions. */
export type MemberPlan = Record<string, number[]>

/**
 * Partition n of a topic goes to the (n + something of the topic)-th member that wants it, so that many topics of one partition are shared,
 * too. The same members and topics give the same plan, whoever is the leader. `counts`: of the topics that exist.
 */
export function assignPartitions(
  members: readonly GroupMember[],
  counts: ReadonlyMap<string, number>,
): Map<string, MemberPlan> {
  const sorted = [...members].sort((a, b) => (a.memberId < b.memberId ? -1 : 1))
  const plans = new Map<string, MemberPlan>(sorted.map(({ memberId }) => [memberId, {}]))
  const topics = [...new Set(sorted.flatMap((member) => member.topics))].sort()
  topics.forEach((topic, index) => {
    const readers = sorted.filter((member) => member.topics.includes(topic))
    for (let partition = 0; partition < (counts.get(topic) ?? 0); partition++) {
      const plan = plans.get(readers[(partition + index) % readers.length]?.memberId ?? '')
      if (plan !== undefined) (plan[topic] ??= []).push(partition)
    }
  })
  return plans
}
