// What a suite runs against: a door, as a user starts one from a shell, or a real broker. Each in a new directory.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startDoor } from '../kafka/door.mjs'
import { startBroker } from '../kafka/kafka.mjs'

/** @typedef {import('./campaign.mjs').Suite} Suite */
/** @typedef {{ bootstrap: string, stop: () => Promise<void> }} Server */

/** By side, how a suite's server is started. @type {Readonly<Record<import('./campaign.mjs').Side, (suite: Suite) => Promise<Server>>>} */
export const servers = {
  door: ({ partitions }) => inNewDirectory(directory => startDoor({ directory, partitions })),
  broker: ({ brokerProperties }) => inNewDirectory(directory => startBroker({ directory, properties: brokerProperties })),
}

/** @param {(directory: string) => Promise<Server>} start @returns {Promise<Server>} */
async function inNewDirectory(start) {
  const directory = mkdtempSync(join(tmpdir(), 'suites-'))
  const remove = () => { rmSync(directory, { recursive: true, force: true }) }
  try {
    const { bootstrap, stop } = await start(directory)
    return { bootstrap, stop: () => stop().finally(remove) }
  } catch (error) {
    remove()
    throw error
  }
}
