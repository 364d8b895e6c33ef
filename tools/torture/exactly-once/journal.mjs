// What a victim writes into its journal (../kill-9/journal.mjs tells how), in the order in which it happened.
//
//   ['alive']                                   the script runs, the log is not open yet
//   ['opened']                                  it is
//   ['sent', partition, offset, name]           a record's send to `input` was acknowledged
//   ['seen', topic, partition, offset, name]    a read_committed reader was shown it
//   ['told', group, partition, offset]          a position, as committed() says it
//   ['committed', group, partition, offset]     a position: its transaction has resolved
//   ['came', group]  ['went', group]            a member has joined; one has left
//   ['failed', group]                           an attempt, or a transaction, that had sent something and then threw

/**
 * @typedef {import('./pipeline.mjs').Group} Group
 * @typedef {['alive'] | ['opened'] | ['came' | 'went' | 'failed', Group]
 *   | ['sent', partition: number, offset: number, name: string]
 *   | ['seen', topic: string, partition: number, offset: number, name: string]
 *   | ['told' | 'committed', Group, partition: number, offset: number]} Entry
 * @typedef {{ write(...entries: Entry[]): void }} Journal
 */
export {}
