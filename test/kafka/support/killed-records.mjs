// What killed-writer.mjs sends, so that whoever finds its records knows what they have to be: record i has offset i.

/** @param {number} i */
export function killedRecord(i) {
  const key = i % 5 === 0 ? null : Buffer.from(`k${i % 7}`)
  return { key, value: Buffer.from(`record ${i} `.repeat(1 + i % 9)), headers: /** @type {[string, string][]} */ ([['i', String(i)]]), timestamp: 1_700_000_000_000 + i }
}
