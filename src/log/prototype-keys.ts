// The keys by which stored data could change the prototypes of the program that reads it, once some other code
// merges it: '__proto__', and 'prototype' inside of 'constructor'. They are refused when sent and when read. The word
// 'constructor' alone is data like any other.

/** `container` is the key under which the object lies that has `key`. */
export function isPrototypeKey(key: string, container: string | number | undefined): boolean {
  return key === '__proto__' || (key === 'prototype' && container === 'constructor')
}

/** Of a value that JSON.parse made. */
export function hasPrototypeKey(value: unknown, container?: string): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (Array.isArray(value)) return value.some(item => hasPrototypeKey(item))
  return Object.entries(value).some(([key, item]) => isPrototypeKey(key, container) || hasPrototypeKey(item, key))
}

/** Whether JSON text can have such a key at all, plain or escaped: most has not, and need not be walked. */
export function mayHavePrototypeKey(json: string): boolean {
  return /__proto__|prototype|\\u00/.test(json)
}
