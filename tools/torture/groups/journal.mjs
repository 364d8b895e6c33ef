// What a victim writes into its journal (../kill-9/journal.mjs tells how), in the order in which it happened. A record is
// told by its place and by its name, `<key>.<life>.<number>`.
//
//   ['alive']                                                the script runs, the log is not open yet
//   ['opened', ends, positions]                              what the log says after opening
//   ['sent', topic, partition, offset, name]                 a record's send was acknowledged
//   ['came', group, member, partitions]                      a member has joined, and owns these
//   ['went', group, member]                                  it has left
//   ['owns', group, [[member, partitions], …]]               after a rebalance
//   ['begin', group, topic, partition, [[offset, name], …]]  a handler, or a loop, has them in hand
//   ['end', group, topic, partition, [offset, …]]            it has handled them; what was in hand is free
//   ['fail', group, topic, partition, [offset, …]]           it has not: they are to come again
//   ['bury', group, topic, partition, [offset, …]]           it has not, and they are to become dead letters
//   ['told', group, topic, [[partition, offset], …]]         positions: of commits that were acknowledged, or by committed()
//   ['looked']                                               some turns of the event loop after the one before: all
//                                                            that committed() says is told

/**
 * @typedef {[topic: string, ends: number[]][]} Ends
 * @typedef {[group: string, topic: string, positions: [partition: number, offset: number][]]} Told
 * @typedef {[group: string, topic: string, partition: number]} Place
 * @typedef {['alive'] | ['looked'] | ['opened', Ends, Told[]] | ['sent', topic: string, partition: number, offset: number, name: string]
 *   | ['came', group: string, member: string, partitions: string[]] | ['went', group: string, member: string]
 *   | ['owns', group: string, [member: string, partitions: string[]][]]
 *   | ['begin', ...Place, records: [offset: number, name: string][]]
 *   | ['end' | 'fail' | 'bury', ...Place, offsets: number[]]
 *   | ['told', ...Told]} Entry
 * @typedef {{ write(...entries: Entry[]): void }} Journal
 */

/** @param {string} name */
export function keyOf(name) {
  return name.slice(0, name.indexOf('.'))
}

/** @param {string} name */
export function numberOf(name) {
  return Number(name.slice(name.lastIndexOf('.') + 1))
}
