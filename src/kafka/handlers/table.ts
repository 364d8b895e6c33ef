// What handles which API. Each of apis/table.ts is here.
import { produce } from '../apis/00-produce.ts'
import { fetch } from '../apis/01-fetch.ts'
import { listOffsets } from '../apis/02-list-offsets.ts'
import { metadata } from '../apis/03-metadata.ts'
import { findCoordinator } from '../apis/10-find-coordinator.ts'
import { apiVersions } from '../apis/18-api-versions.ts'
import { describeCluster } from '../apis/60-describe-cluster.ts'
import { produceHandler } from './00-produce.ts'
import { fetchHandler } from './01-fetch.ts'
import { listOffsetsHandler } from './02-list-offsets.ts'
import { metadataHandler } from './03-metadata.ts'
import { findCoordinatorHandler } from './10-find-coordinator.ts'
import { apiVersionsHandler } from './18-api-versions.ts'
import { describeClusterHandler } from './60-describe-cluster.ts'
import { route, type Route } from './handler.ts'

export const routes: readonly Route[] = [
  route(produce, produceHandler),
  route(fetch, fetchHandler),
  route(listOffsets, listOffsetsHandler),
  route(metadata, metadataHandler),
  route(findCoordinator, findCoordinatorHandler),
  route(apiVersions, apiVersionsHandler),
  route(describeCluster, describeClusterHandler),
]
