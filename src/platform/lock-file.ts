// The text of a directory's lock file, and what it says about who holds the directory. Two lines:
//
//   held {"id":"…","pid":1234,"start":"8841203","boot":"…","kind":"flock"}     the holder; never changes but for its first word
//   {"dataBoot":"…","note":"…"}                                                what the next holder must know
//
// The first word turns from `held` to `free` when the lock is released. `boot` is the boot the holder runs under,
// `dataBoot` the boot of the last holder that finished its recovery. What follows the second line break is left over
// from a longer note. The file is read with suspicion: a text that makes no sense has no holder and says nothing.

export const LOCK_FILE = '.lock'
export const FREE = Buffer.from('free')
/** Far above what a note needs; what is longer was not written by us. */
export const LARGEST_LOCK_FILE_BYTES = 1024 * 1024

export interface Holder {
  /** Never used twice: the name under which one process may follow this holder. */
  readonly id: string
  readonly pid: number
  /** When the process began, in the kernel's ticks since boot; null where the system does not tell. */
  readonly start: string | null
  readonly boot: string | null
  readonly kind: 'flock' | 'exclusive'
}

export interface Legacy {
  readonly dataBoot: string | null
  readonly note: string
}

export interface LockText extends Legacy {
  readonly holder: Holder | undefined
  readonly held: boolean
}

export const NOBODY: LockText = { holder: undefined, held: false, dataBoot: null, note: '' }

export function formatHolder({ id, pid, start, boot, kind }: Holder): string {
  return `held ${JSON.stringify({ id, pid, start, boot, kind })}\n`
}

export function formatLegacy({ dataBoot, note }: Legacy): string {
  return `${JSON.stringify({ dataBoot, note })}\n`
}

export function parseLockText(text: string): LockText {
  const [first = '', second = ''] = text.split('\n', 2)
  const holder = parseHolder(first)
  const legacy = parseObject(second)
  return {
    holder,
    held: holder !== undefined && first.startsWith('held '),
    dataBoot: textOrNull(legacy?.['dataBoot']),
    note: textOrNull(legacy?.['note']) ?? '',
  }
}

function parseHolder(line: string): Holder | undefined {
  if (!line.startsWith('held ') && !line.startsWith('free ')) return undefined
  const found = parseObject(line.slice(5))
  if (found === undefined) return undefined
  const { id, pid, start, boot, kind } = found
  // The id becomes part of a file's name.
  if (typeof id !== 'string' || !/^[0-9a-f-]{1,64}$/.test(id)) return undefined
  if (typeof pid !== 'number' || !Number.isInteger(pid) || pid <= 0) return undefined
  if (kind !== 'flock' && kind !== 'exclusive') return undefined
  return { id, pid, start: textOrNull(start), boot: textOrNull(boot), kind }
}

function parseObject(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null ? value as Record<string, unknown> : undefined
  } catch {
    return undefined // torn by a power cut, or not ours
  }
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}
