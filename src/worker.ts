// What runs on the log's other thread (platform/worker-thread.ts): heavy work over files by their names.
import { constants, setPriority } from 'node:os'
import { DescriptorCache } from './platform/descriptor-cache.ts'
import { NodeFileSystem } from './platform/node-file-system.ts'
import { serve } from './platform/worker-thread.ts'
import { clean, type CleaningRequest, type Pauses } from './storage/cleaner.ts'

/** What else the process does goes first. */
const BACKGROUND_PRIORITY = constants.priority.PRIORITY_BELOW_NORMAL

/** Nobody waits on this thread. */
const noPauses: Pauses = { due: () => false, pause: () => Promise.resolve() }

export function work(): void {
  if (process.platform === 'linux') setPriority(BACKGROUND_PRIORITY) // there it is this thread's; elsewhere the whole process's
  const fs = new NodeFileSystem(new DescriptorCache())
  serve({ clean: (request: CleaningRequest) => clean(fs, request, noPauses) })
}
