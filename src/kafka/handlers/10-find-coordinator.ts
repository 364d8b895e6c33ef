// FindCoordinator: of a group or a transactional id. One process coordinates all; pretended brokers share them out.
import type { findCoordinator } from '../apis/10-find-coordinator.ts'
import { KAFKA_ERRORS } from '../kafka-errors.ts'
import type { Brokers } from '../brokers.ts'
import type { ResponseOf } from '../protocol/api.ts'
import type { Handler } from './handler.ts'

const GROUP = 0
const TRANSACTION = 1
const NO_NODE = { nodeId: -1, host: '', port: -1 } as const

type Coordinator = NonNullable<ResponseOf<typeof findCoordinator>['coordinators']>[number]

export const findCoordinatorHandler: Handler<typeof findCoordinator> = {
  handle({ key, keyType, coordinatorKeys }, { door, version }) {
    if (version >= 4) return { coordinators: coordinatorKeys.map(each => find(each, keyType, door.brokers)), errorMessage: null }
    return { ...find(key, keyType, door.brokers), coordinators: [] }
  },
  refuse({ coordinatorKeys }, errorCode, errorMessage, version) {
    if (version >= 4) return { coordinators: coordinatorKeys.map(key => ({ key, ...NO_NODE, errorCode, errorMessage })), errorMessage: null }
    return { errorCode, errorMessage, ...NO_NODE, coordinators: [] }
  },
}

function find(key: string, keyType: number, brokers: Brokers): Coordinator {
  if (keyType !== GROUP && keyType !== TRANSACTION) return { key, ...NO_NODE, errorCode: KAFKA_ERRORS.INVALID_REQUEST, errorMessage: `there are no coordinators of kind ${keyType} here` }
  const { nodeId, host, port } = brokers.coordinatorOf(key)
  return { key, nodeId, host, port, errorCode: 0, errorMessage: null }
}
