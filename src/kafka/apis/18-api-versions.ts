// ApiVersions (18): which APIs and versions are understood. An unknown version of it is answered in version 0.
//
//   v0   a list of ranges
//   v1   the answer has the throttle time
//   v2   answers come before a client over its quota is held back, not after
//   v3   flexible, save for the answer's header; the client's software. The answer has features
//   v4   a feature may begin at 0: such ones are left out of the answer to older versions
import { defineApi } from '../protocol/api.ts'
import { boolean, int16, int32, int64, string } from '../protocol/plain-fields.ts'
import { array } from '../protocol/struct-fields.ts'

export const apiVersions = defineApi({
  key: 18,
  name: 'ApiVersions',
  versions: [0, 4],
  flexibleFrom: 3,
  request: {
    clientSoftwareName: string({ from: 3 }),
    clientSoftwareVersion: string({ from: 3 }),
  },
  response: {
    errorCode: int16(),
    apiKeys: array({
      apiKey: int16(),
      minVersion: int16(),
      maxVersion: int16(),
    }),
    throttleTimeMs: int32({ from: 1 }),
    supportedFeatures: array({
      name: string(),
      minVersion: int16(),
      maxVersion: int16(),
    }, { from: 3, tag: 0 }),
    finalizedFeaturesEpoch: int64({ from: 3, tag: 1, default: -1 }),
    finalizedFeatures: array({
      name: string(),
      maxVersionLevel: int16(),
      minVersionLevel: int16(),
    }, { from: 3, tag: 2 }),
    zkMigrationReady: boolean({ from: 3, tag: 3 }),
  },
})
