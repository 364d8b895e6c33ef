// A connection as those see it who answer its requests.
export interface CallingConnection {
  readonly closed: boolean
  /** Calls back when it closes: nobody waits for an answer any more. Returns what takes that back. */
  onClosed(callback: () => void): () => void
  /** At once; what is under way is answered to nobody. */
  end(): void
}
