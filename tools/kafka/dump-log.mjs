// Kafka's opinion of files: DumpLogSegments, Kafka's own reader of segments, run on .log .index .timeindex .txnindex
// and .snapshot files, and what is wrong according to it.
// The tool ends with status 0 for most of what it finds, and says so in many ways on two streams. So this works the other
// way round: every line has to be one that a sound file gives; each other line is a fault, and so is silence about a
// file that was asked for. Two runs side by side, since checking the indexes' sanity leaves everything else out.
// It is no mere reader either: it makes an offset index that is missing beside a time index, and cuts an index that ends
// inside an entry. So files of which it would do that are never given to it, and are reported as they are.
import { existsSync, statSync } from 'node:fs'
import { extname } from 'node:path'
import { runTool } from './run.mjs'

/** @typedef {import('./run.mjs').ToolResult} ToolResult */

/**
 * @typedef {object} DumpResult
 * @property {readonly string[]} files
 * @property {readonly string[]} unfit  faults for which the tool was not run at all
 * @property {ToolResult} contents  every batch, record and index entry, indexes compared with their log
 * @property {ToolResult | undefined} sanity  what a starting broker asks of indexes; undefined: there was none to check
 */

/**
 * @typedef {object} DumpedBatch
 * @property {number} baseOffset
 * @property {number} lastOffset
 * @property {number} position
 * @property {number} bytes
 * @property {string} codec
 * @property {boolean} transactional
 * @property {boolean} control
 * @property {number} producerId
 * @property {number} producerEpoch
 * @property {number} baseSequence
 * @property {readonly DumpedRecord[]} records
 */

/**
 * @typedef {object} DumpedRecord
 * @property {number} offset
 * @property {number} timestamp
 * @property {string} timestampType  CreateTime or LogAppendTime
 * @property {number} sequence
 * @property {string} headerKeys  as printed: joined by commas
 * @property {string | null} key  read as UTF-8
 * @property {string | null} value  read as UTF-8; null in control records too
 * @property {'COMMIT' | 'ABORT' | null} marker
 * @property {number | null} coordinatorEpoch  of a marker
 */

/** @typedef {{ producerId: number, firstOffset: number, lastOffset: number, lastStableOffset: number }} AbortedTransaction  an entry of a .txnindex */

/**
 * @typedef {object} DumpedProducer  an entry of a .snapshot
 * @property {number} producerId
 * @property {number} producerEpoch
 * @property {number} coordinatorEpoch
 * @property {number | null} currentTransactionFirstOffset
 * @property {number} timestamp
 * @property {{ firstSequence: number, lastSequence: number, lastOffset: number, offsetDelta: number, timestamp: number } | null} lastBatch
 */

/** @typedef {{ file: string, batches: DumpedBatch[], abortedTransactions: AbortedTransaction[], producers: DumpedProducer[] }} DumpedFile */

/** One argument of a program may have 128 KiB on Linux, and all files are one argument. */
const maxArgumentBytes = 100_000

/** The tool's own limit of 5 MiB would call an index wrong that points at a larger batch. */
const maxBatchBytes = 256 * 1024 * 1024

/**
 * One run of the tool costs about a second, whatever the number of files.
 * @param {readonly string[]} files
 * @param {{ decoder?: 'offsets' | 'transaction-log' }} [options]  prints the records of Kafka's internal topics as JSON
 * @returns {Promise<DumpResult>}
 */
export async function dumpLog(files, { decoder } = {}) {
  if (files.length === 0) throw new Error('dumpLog was given no file')
  const list = files.join(',')
  if (files.some(file => file.includes(','))) throw new Error(`the tool's list of files is separated by commas: ${list}`)
  if (list.length > maxArgumentBytes) throw new Error(`${files.length} files are more than one run takes: divide them`)
  const unfit = files.flatMap(unfitness)
  if (unfit.length > 0) return { files, unfit, contents: { stdout: '', stderr: '', status: 0 }, sanity: undefined }

  const decoding = decoder === undefined ? [] : [`--${decoder}-decoder`]
  const limits = ['--max-message-size', String(maxBatchBytes)]
  const indexes = files.filter(file => /\.(time)?index$/.test(file))
  const [contents, sanity] = await Promise.all([
    runTool('dump-log', ['--deep-iteration', '--print-data-log', ...decoding, ...limits, '--files', list]),
    indexes.length === 0 ? undefined : runTool('dump-log', ['--index-sanity-check', '--files', indexes.join(',')]),
  ])
  return { files, unfit, contents, sanity }
}

const entryBytes = { '.index': 8, '.timeindex': 12, '.txnindex': 34 }

/** @param {string} file @returns {string[]} */
function unfitness(file) {
  const kind = extname(file)
  const offsetIndex = file.replace(/\.timeindex$/, '.index')
  if (!existsSync(offsetIndex)) return [`${offsetIndex} is missing`]
  const bytes = new Map(Object.entries(entryBytes)).get(kind)
  const rest = bytes === undefined ? 0 : statSync(file).size % bytes
  return rest === 0 ? [] : [`${file} ends ${rest} bytes into an entry`]
}

/**
 * Everything that Kafka finds wrong, a sentence each; none: Kafka takes the files as they are.
 * @param {DumpResult} result
 * @param {{ compacted?: (file: string) => boolean }} [options]  whose offsets may have gaps
 */
export function dumpLogFaults(result, { compacted = () => false } = {}) {
  if (result.unfit.length > 0) return [...result.unfit]
  const sanity = result.sanity === undefined ? [] : [...faultsOfSanity(result.sanity, result.files), ...faultsOfErrors(result.sanity, compacted)]
  return [...readDump(result).faults, ...faultsOfErrors(result.contents, compacted), ...sanity]
}

/**
 * The files as Kafka printed them. Meaningful where dumpLogFaults finds nothing.
 * @param {DumpResult} result
 * @returns {DumpedFile[]}
 */
export function dumpedFiles(result) {
  return readDump(result).dumped
}

// ---------------------------------------------------------------- standard output

/** @param {DumpResult} result */
function readDump({ files, contents }) {
  /** @type {string[]} */
  const faults = []
  /** @type {DumpedFile[]} */
  const dumped = []
  for (const line of recordLines(contents.stdout)) {
    const file = dumped.at(-1)
    if (line === `Dumping ${files[dumped.length]}`) {
      dumped.push({ file: line.slice('Dumping '.length), batches: [], abortedTransactions: [], producers: [] })
    } else if (file === undefined || !readLine(line, file)) {
      faults.push(`${file?.file ?? 'before the first file'}: ${line}`)
    }
  }
  for (const file of files.slice(dumped.length)) faults.push(`${file} was never dumped`)
  return { faults, dumped }
}

/**
 * Lines, where a record is one line although its key and value, printed as they are, may hold line feeds. How much is
 * still to come follows from their sizes; where bytes that are no UTF-8 print longer than they are, a line that the
 * tool never begins so belongs to the record.
 * @param {string} stdout
 */
function recordLines(stdout) {
  /** @type {string[]} */
  const lines = []
  for (const line of stdout === '' ? [] : stdout.replace(/\n$/, '').split('\n')) {
    const last = lines.at(-1)
    const belongsToLast = last !== undefined && (isUnfinished(last) || isLossy(last) && !toolsLine.test(line))
    if (belongsToLast) lines[lines.length - 1] = `${last}\n${line}`
    else lines.push(line)
  }
  return lines
}

/** How each line that the tool prints to standard output begins or ends, sound or not. */
const toolsLine = /^(?:Dumping|Found|Log starting offset:|baseOffset:|\| offset:|offset:|timestamp:|version:|producerId:) | is empty\.$| passed sanity check\.$/

const recordPattern = /^\| offset: (-?\d+) (CreateTime|LogAppendTime): (-?\d+) keySize: (-?\d+) valueSize: (-?\d+) sequence: (-?\d+) headerKeys: \[(.*?)\](?= key: | payload: | endTxnMarker: |\n|$)(?: endTxnMarker: (COMMIT|ABORT) coordinatorEpoch: (-?\d+))?/s
const batchPattern = /^baseOffset: (\d+) lastOffset: (\d+) count: (?:\d+|null) baseSequence: (-?\d+) lastSequence: -?\d+ producerId: (-?\d+) producerEpoch: (-?\d+) partitionLeaderEpoch: -?\d+ isTransactional: (true|false) isControl: (true|false) deleteHorizonMs: \S+ position: (\d+) (?:CreateTime|LogAppendTime): -?\d+ size: (\d+) magic: 2 compresscodec: (\w+) crc: \d+ isvalid: true$/

const abortedPattern = /^version: 0 producerId: (\d+) firstOffset: (\d+) lastOffset: (\d+) lastStableOffset: (\d+)$/

const producerPattern = /^producerId: (\d+) producerEpoch: (-?\d+) coordinatorEpoch: (-?\d+) currentTxnFirstOffset: OptionalLong(?:\.empty|\[(\d+)\]) lastTimestamp: (-?\d+) ?(?:firstSequence: (-?\d+) lastSequence: (-?\d+) lastOffset: (-?\d+) offsetDelta: (\d+) timestamp: (-?\d+))?$/

/** The lines of sound indexes that nobody has asked to see. */
const entryPatterns = [
  /^offset: \d+ position: \d+$/,
  /^timestamp: \d+ offset: \d+$/,
]

/** Takes a line in; false: no sound file has it. @param {string} line @param {DumpedFile} file */
function readLine(line, file) {
  if (line === `${file.file} is empty.` || /^Log starting offset: \d+$/.test(line)) return true
  const batch = batchPattern.exec(line)
  if (batch !== null) {
    const [, base, last, baseSequence, producerId, producerEpoch, transactional, control, position, bytes, codec = ''] = batch
    file.batches.push({
      baseOffset: Number(base), lastOffset: Number(last), position: Number(position), bytes: Number(bytes), codec,
      transactional: transactional === 'true', control: control === 'true', producerId: Number(producerId), producerEpoch: Number(producerEpoch), baseSequence: Number(baseSequence), records: [],
    })
    return true
  }
  const record = readRecord(line)
  const records = file.batches.at(-1)?.records
  if (record !== undefined && records !== undefined) {
    /** @type {DumpedRecord[]} */ (records).push(record)
    return true
  }
  const aborted = abortedPattern.exec(line)
  if (aborted !== null) {
    file.abortedTransactions.push({ producerId: Number(aborted[1]), firstOffset: Number(aborted[2]), lastOffset: Number(aborted[3]), lastStableOffset: Number(aborted[4]) })
    return true
  }
  const producer = readProducer(line)
  if (producer !== undefined) {
    file.producers.push(producer)
    return true
  }
  return entryPatterns.some(pattern => pattern.test(line))
}

/** @param {string} line @returns {DumpedProducer | undefined} */
function readProducer(line) {
  const match = producerPattern.exec(line)
  if (match === null) return undefined
  const [producerId = 0, producerEpoch = 0, coordinatorEpoch = 0, firstOffset, timestamp = 0, firstSequence, lastSequence = 0, lastOffset = 0, offsetDelta = 0, batchTimestamp = 0] = match.slice(1).map(digits => digits === undefined ? undefined : Number(digits))
  const lastBatch = firstSequence === undefined ? null : { firstSequence, lastSequence, lastOffset, offsetDelta, timestamp: batchTimestamp }
  return { producerId, producerEpoch, coordinatorEpoch, currentTransactionFirstOffset: firstOffset ?? null, timestamp, lastBatch }
}

/** @param {string} line @returns {DumpedRecord | undefined} */
function readRecord(line) {
  const match = recordPattern.exec(line)
  if (match === null) return undefined
  const [head, offset, timestampType = '', timestamp, keySize, , sequence, headerKeys = '', marker, coordinatorEpoch] = match
  const body = line.slice(head.length)
  const keyEnd = Number(keySize) < 0 || !body.startsWith(' key: ') ? 0 : endOfKey(body, Number(keySize))
  const rest = body.slice(keyEnd)
  return {
    offset: Number(offset), timestamp: Number(timestamp), timestampType, sequence: Number(sequence), headerKeys,
    key: keyEnd === 0 ? null : body.slice(' key: '.length, keyEnd),
    value: rest.startsWith(' payload: ') ? rest.slice(' payload: '.length) : null,
    marker: marker === 'COMMIT' || marker === 'ABORT' ? marker : null,
    coordinatorEpoch: coordinatorEpoch === undefined ? null : Number(coordinatorEpoch),
  }
}

/** Where the key ends by its size, or behind that if it was no UTF-8 and is longer in print: at the next label. @param {string} body @param {number} keySize */
function endOfKey(body, keySize) {
  const bySize = Buffer.from(body).subarray(0, ' key: '.length + keySize).toString().length
  const label = body.indexOf(' payload: ', bySize)
  return label === -1 ? body.length : label
}

/** A record with bytes in it that are no UTF-8. @param {string} line */
function isLossy(line) {
  return line.startsWith('| offset: ') && line.includes('\uFFFD')
}

/** A record of which less is printed than its sizes say: what follows belongs to it. @param {string} line */
function isUnfinished(line) {
  const match = line.startsWith('| offset: ') ? recordPattern.exec(line) : null
  if (match === null || match[8] !== undefined) return false
  const body = Buffer.byteLength(line.slice(match[0].length))
  const keySize = Number(match[4])
  const valueSize = Number(match[5])
  return body < (keySize < 0 ? 0 : ' key: '.length + keySize) + (valueSize < 0 ? 0 : ' payload: '.length + valueSize)
}

/** @param {ToolResult} sanity @param {readonly string[]} files */
function faultsOfSanity({ stdout }, files) {
  const indexes = files.filter(file => /\.(time)?index$/.test(file))
  const sound = new Set(indexes.flatMap(file => [`Dumping ${file}`, `${file} passed sanity check.`, `${file} is empty.`]))
  const lines = stdout.split('\n').filter(line => line !== '')
  const unchecked = indexes.filter(file => !lines.includes(`${file} passed sanity check.`) && !lines.includes(`${file} is empty.`))
  return [...lines.filter(line => !sound.has(line)), ...unchecked.map(file => `${file} did not pass the sanity check`)]
}

// ---------------------------------------------------------------- standard error, status

/** What Java itself says about its options. */
const remarks = [/^Picked up \w+: /, /^OpenJDK .*warning: /]

const gaps = 'Non-consecutive offsets in '

/**
 * A heading and the lines below it that belong to it are one fault.
 * @param {ToolResult} result
 * @param {(file: string) => boolean} compacted
 */
function faultsOfErrors({ stderr, status }, compacted) {
  /** @type {{ heading: string, lines: string[] }[]} */
  const found = []
  for (const line of stderr.split('\n')) {
    if (line === '' || remarks.some(remark => remark.test(line))) continue
    const last = found.at(-1)
    if (last !== undefined && /^\s|^Caused by: |^Indexed offset: /.test(line)) last.lines.push(line.trim())
    else found.push({ heading: line, lines: [] })
  }
  const faults = found.flatMap(({ heading, lines }) => {
    if (!heading.startsWith(gaps)) return [[heading, ...lines].join('; ')]
    // This version calls it a gap when a segment does not begin at offset 0: "-1 is followed by 120".
    const real = compacted(heading.slice(gaps.length)) ? [] : lines.filter(line => !line.startsWith('-1 is followed by '))
    return real.length === 0 && lines.length > 0 ? [] : [[heading, ...real].join('; ')]
  })
  return status === 0 ? faults : [...faults, `the tool ended with ${status === null ? 'a signal' : `status ${status}`}`]
}
