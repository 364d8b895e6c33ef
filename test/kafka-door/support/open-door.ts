// A log in memory with a door, and clients of it; closed when the test has ended.
import { onTestFinished } from 'vitest'
import { open, type EventLog, type OpenOptions } from '../../../src/index.ts'
import { listen, type Door, type ListenOptions } from '../../../src/kafka.ts'
import { WireClient } from './wire-client.ts'

export interface OpenDoor { readonly log: EventLog; readonly door: Door; readonly client: WireClient }

export async function openDoor(options: ListenOptions = {}, logOptions: OpenOptions = {}): Promise<OpenDoor> {
  const log = await open('memory:', logOptions)
  onTestFinished(() => log.close())
  const door = await listen(log, options)
  return { log, door, client: await connectTo(door) }
}

export async function connectTo(where: { readonly host: string; readonly port: number }): Promise<WireClient> {
  const client = await WireClient.connect(where)
  onTestFinished(() => client.close())
  return client
}

/** By name. */
export function topicsOf(log: EventLog): string[] {
  return log.topics().map(({ name }) => name).sort()
}
