// Kafka's opinion of a whole data directory: every partition folder's segments through the dump tool, plus what it
// does not look at: that segments have their indexes and follow each other, and that transaction indexes list the
// aborted transactions of their segments, without which Kafka would serve their records.
// Made for logs that were closed: of an open one the preallocated ends look like damage, as a broker's do.
import { existsSync, readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { dumpLog, dumpLogFaults, dumpedFiles } from './dump-log.mjs'

/** @typedef {import('./dump-log.mjs').DumpedFile} DumpedFile */

/** Room for the paths of some thousand files in the tool's one argument. */
const maxListBytes = 90_000

/**
 * @param {string} directory  whose folders are named <topic>-<partition>
 * @param {{ compacted?: readonly string[] }} [options]  topics whose offsets may have gaps; those of names with __ always may
 * @returns {Promise<{ faults: string[], partitions: ReadonlyMap<string, readonly DumpedFile[]> }>}  `partitions`: the .log files of each, in order
 */
export async function checkDirectory(directory, { compacted = [] } = {}) {
  /** @param {string} partition */
  const isCompacted = partition => partition.startsWith('__') || compacted.includes(partition.replace(/-\d+$/, ''))
  const names = readdirSync(directory, { withFileTypes: true })
    .filter(entry => entry.isDirectory() && /^.+-\d+$/.test(entry.name))
    .map(entry => entry.name)
    .sort()
  if (names.length === 0) return { faults: [`${directory} holds no partition`], partitions: new Map() }

  const faults = names.flatMap(name => missingIndexes(join(directory, name)))
  if (faults.length > 0) return { faults, partitions: new Map() }
  /** @type {Map<string, DumpedFile[]>} */
  const partitions = new Map(names.map(name => [name, []]))
  /** @type {Map<string, number[]>} by .txnindex: where its transactions end */
  const aborted = new Map()
  for (const files of lists(names.flatMap(name => segmentFiles(join(directory, name))))) {
    const result = await dumpLog(files)
    faults.push(...dumpLogFaults(result, { compacted: file => isCompacted(partitionOf(file)) }))
    for (const file of dumpedFiles(result)) {
      if (file.file.endsWith('.log')) partitions.get(partitionOf(file.file))?.push(file)
      if (file.file.endsWith('.txnindex')) aborted.set(file.file, file.abortedTransactions.map(transaction => transaction.lastOffset))
    }
  }
  for (const [name, logs] of partitions) {
    faults.push(...gapsBetween(logs, isCompacted(name)))
    if (!isCompacted(name)) faults.push(...unlistedAborts(logs, aborted))
  }
  return { faults, partitions }
}

/** @param {string} file */
function partitionOf(file) {
  return basename(join(file, '..'))
}

/** A log before its indexes, so that a broken one is the first thing named. @param {string} folder */
function segmentFiles(folder) {
  const kinds = ['.log', '.index', '.timeindex', '.txnindex', '.snapshot']
  const names = readdirSync(folder).sort()
  return kinds.flatMap(kind => names.filter(name => name.endsWith(kind))).map(name => join(folder, name))
}

/** @param {string} folder */
function missingIndexes(folder) {
  const logs = readdirSync(folder).filter(name => name.endsWith('.log')).map(name => join(folder, name))
  if (logs.length === 0) return [`${folder} holds no segment`]
  const indexes = logs.flatMap(log => [log.replace(/\.log$/, '.index'), log.replace(/\.log$/, '.timeindex')])
  return indexes.filter(index => !existsSync(index)).map(index => `${index} is missing`)
}

/** @param {readonly string[]} files */
function lists(files) {
  /** @type {string[][]} */
  const all = [[]]
  let bytes = 0
  for (const file of files) {
    bytes += Buffer.byteLength(file) + 1
    if (bytes > maxListBytes) {
      all.push([])
      bytes = Buffer.byteLength(file) + 1
    }
    all.at(-1)?.push(file)
  }
  return all
}

/** @param {readonly DumpedFile[]} logs @param {boolean} compacted */
function gapsBetween(logs, compacted) {
  /** @type {string[]} */
  const faults = []
  /** @type {number | undefined} */
  let end
  for (const { file, batches } of logs) {
    const base = Number(basename(file, '.log'))
    const first = batches[0]?.baseOffset ?? base
    if (compacted ? first < base : first !== base) faults.push(`${file} begins at offset ${first}`)
    if (end !== undefined && (compacted ? base < end : base !== end)) faults.push(`${file} follows a segment that ends at offset ${end}`)
    end = (batches.at(-1)?.lastOffset ?? base - 1) + 1
  }
  return faults
}

/**
 * A marker that aborts records of this partition has its entry in the segment that holds the marker.
 * @param {readonly DumpedFile[]} logs
 * @param {ReadonlyMap<string, readonly number[]>} aborted
 */
function unlistedAborts(logs, aborted) {
  const open = new Set()
  return logs.flatMap(({ file, batches }) => {
    /** @type {number[]} */
    const ends = []
    for (const { producerId, transactional, control, baseOffset, records } of batches) {
      if (transactional && !control) open.add(producerId)
      if (control && open.delete(producerId) && records[0]?.marker === 'ABORT') ends.push(baseOffset)
    }
    const index = file.replace(/\.log$/, '.txnindex')
    const listed = aborted.get(index) ?? []
    return ends.join() === listed.join() ? [] : [`${index} lists transactions aborted at offsets ${listed.join() || 'none'}, the log has ${ends.join() || 'none'}`]
  })
}
