// Who wants to know when a signal aborts. One listener for each signal, however many ask: a service has one signal for all
// its consumers, and Node warns of a leak from the eleventh listener on.

const listeners = new WeakMap<AbortSignal, Set<() => void>>()

/** Calls back once. Returns what takes the callback off again. Of a signal that has aborted, or of none, nobody hears. */
export function onAbort(signal: AbortSignal | undefined, callback: () => void): () => void {
  if (signal === undefined) return () => { /* there is nothing to take off */ }
  const callbacks = listeners.get(signal) ?? listen(signal)
  callbacks.add(callback)
  return () => { callbacks.delete(callback) }
}

function listen(signal: AbortSignal): Set<() => void> {
  const callbacks = new Set<() => void>()
  listeners.set(signal, callbacks)
  signal.addEventListener('abort', () => {
    for (const callback of [...callbacks]) callback()
    callbacks.clear()
  }, { once: true })
  return callbacks
}
