// DescribeConfigs (32): settings of topics and brokers.
//
//   v1   where each value comes from, and synonyms if asked for
//   v2   answers come before a client over its quota is held back, not after
//   v3   type and documentation, if asked for
//   v4   the first flexible version
import { defineApi } from '../protocol/api.ts'
import { boolean, int16, int32, int8, string } from '../protocol/plain-fields.ts'
import { array } from '../protocol/struct-fields.ts'

export const describeConfigs = defineApi({
  key: 32,
  name: 'DescribeConfigs',
  versions: [1, 4],
  flexibleFrom: 4,
  request: {
    resources: array({
      resourceType: int8(),
      resourceName: string(),
      configurationKeys: array(string(), { nullable: true }),
    }),
    includeSynonyms: boolean(),
    includeDocumentation: boolean({ from: 3 }),
  },
  response: {
    throttleTimeMs: int32(),
    results: array({
      errorCode: int16(),
      errorMessage: string({ nullable: true }),
      resourceType: int8(),
      resourceName: string(),
      configs: array({
        name: string(),
        value: string({ nullable: true }),
        readOnly: boolean(),
        configSource: int8({ default: -1 }),
        isSensitive: boolean(),
        synonyms: array({
          name: string(),
          value: string({ nullable: true }),
          source: int8(),
        }),
        configType: int8({ from: 3, default: 0 }),
        documentation: string({ from: 3, nullable: true }),
      }),
    }),
  },
})
