// FindCoordinator (10): which broker coordinates a group or a transactional id.
//
//   v0   a group
//   v1   key type: 0 a group, 1 a transactional id; the answer has a message and the throttle time
//   v2   answers come before a client over its quota is held back, not after
//   v3   the first flexible version
//   v4   several keys at a time (KIP-699)
//   v5   TRANSACTION_ABORTABLE may be answered
//   v6   key type 2: a share group, by group:topic id:partition
import { defineApi } from '../protocol/api.ts'
import { int16, int32, int8, string } from '../protocol/plain-fields.ts'
import { array } from '../protocol/struct-fields.ts'

export const findCoordinator = defineApi({
  key: 10,
  name: 'FindCoordinator',
  versions: [0, 6],
  flexibleFrom: 3,
  request: {
    key: string({ to: 3 }),
    keyType: int8({ from: 1, default: 0 }),
    coordinatorKeys: array(string(), { from: 4 }),
  },
  response: {
    throttleTimeMs: int32({ from: 1 }),
    errorCode: int16({ to: 3 }),
    errorMessage: string({ from: 1, to: 3, nullable: true }),
    nodeId: int32({ to: 3 }),
    host: string({ to: 3 }),
    port: int32({ to: 3 }),
    coordinators: array({
      key: string(),
      nodeId: int32(),
      host: string(),
      port: int32(),
      errorCode: int16(),
      errorMessage: string({ nullable: true }),
    }, { from: 4 }),
  },
})
