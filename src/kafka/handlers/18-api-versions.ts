// ApiVersions: what is spoken here, in the ranges of Kafka 4.3, and transaction version 2: that is how newer clients know
// that a partition joins a transaction by the first batch that is written to it.
import type { apiVersions } from '../apis/18-api-versions.ts'
import { apis } from '../apis/table.ts'
import type { Handler } from './handler.ts'

const FINALIZED_FEATURES_EPOCH = 1
const FEATURES = [{ name: 'group.version', max: 1 }, { name: 'transaction.version', max: 2 }] as const

/** A client's name and version end up in a broker's metrics: Kafka takes no others. */
const SOFTWARE_NAME = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/

export function apiRanges(): { apiKey: number; minVersion: number; maxVersion: number }[] {
  return apis.map(({ key, advertised }) => ({ apiKey: key, minVersion: advertised.min, maxVersion: advertised.max }))
}

export const apiVersionsHandler: Handler<typeof apiVersions> = {
  handle({ clientSoftwareName, clientSoftwareVersion }, { version }) {
    if (version >= 3 && !(SOFTWARE_NAME.test(clientSoftwareName) && SOFTWARE_NAME.test(clientSoftwareVersion))) return refusal(42)
    return {
      errorCode: 0,
      apiKeys: apiRanges(),
      supportedFeatures: version >= 4 ? FEATURES.map(({ name, max }) => ({ name, minVersion: 0, maxVersion: max })) : [],
      finalizedFeaturesEpoch: FINALIZED_FEATURES_EPOCH,
      finalizedFeatures: FEATURES.map(({ name, max }) => ({ name, maxVersionLevel: max, minVersionLevel: max })),
    }
  },
  refuse: (_request, errorCode) => refusal(errorCode),
}

function refusal(errorCode: number): ReturnType<Handler<typeof apiVersions>['refuse']> {
  return { errorCode, apiKeys: apiRanges() }
}
