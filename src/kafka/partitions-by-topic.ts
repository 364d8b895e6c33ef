// Partitions as answers have them that name each topic once: in the order in which they come.
export function partitionsByTopic<Topic>(all: readonly { readonly topic: Topic; readonly partition: number }[]): { topic: Topic; partitions: number[] }[] {
  const byTopic = new Map<Topic, number[]>()
  for (const { topic, partition } of all) {
    const ofTopic = byTopic.get(topic)
    if (ofTopic === undefined) byTopic.set(topic, [partition])
    else ofTopic.push(partition)
  }
  return [...byTopic].map(([topic, partitions]) => ({ topic, partitions }))
}
