// How long a failed attempt is left alone before the next: twice as long each time, up to the longest.
//
//   pause after attempt n = min(maxBackoff, backoff · 2ⁿ⁻¹)      with jitter: drawn evenly from [half of it, all of it)
//
// Half is kept, so that a retry is never immediate; half is drawn, so that what failed together does not come again
// together. Where the numbers come from is the caller's: a test log draws them from its seed.
import type { RetrySettings } from './run-options.ts'

/** `random` draws from [0, 1). Whole milliseconds. */
export function backOffMs({ backoffMs, maxBackoffMs, jitter }: RetrySettings, attempt: number, random: () => number): number {
  const longest = Math.min(maxBackoffMs, backoffMs * 2 ** Math.min(attempt - 1, 31)) // 31 doublings pass what a timer holds
  return jitter ? Math.floor(longest / 2 + random() * longest / 2) : longest
}
