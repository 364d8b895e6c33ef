// DeleteTopics (20): topics go.
//
//   v1   the answer has the throttle time
//   v2   answers come before a client over its quota is held back, not after
//   v3   TOPIC_DELETION_DISABLED may be answered
//   v4   the first flexible version
//   v5   an error message; THROTTLING_QUOTA_EXCEEDED may be answered
//   v6   topics by name or by id
import { defineApi } from '../protocol/api.ts'
import { int16, int32, string, uuid } from '../protocol/plain-fields.ts'
import { array } from '../protocol/struct-fields.ts'

export const deleteTopics = defineApi({
  key: 20,
  name: 'DeleteTopics',
  versions: [1, 6],
  flexibleFrom: 4,
  request: {
    topics: array({
      name: string({ nullable: true, default: null }),
      topicId: uuid(),
    }, { from: 6 }),
    topicNames: array(string(), { to: 5 }),
    timeoutMs: int32(),
  },
  response: {
    throttleTimeMs: int32(),
    responses: array({
      name: string({ nullable: 6 }),
      topicId: uuid({ from: 6 }),
      errorCode: int16(),
      errorMessage: string({ from: 5, nullable: true, default: null }),
    }),
  },
})
