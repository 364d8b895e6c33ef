// DescribeCluster: the brokers that are up; those that a test stopped are fenced, and told if asked for. Any broker does
// what a controller does, and there are no controllers to ask.
import type { describeCluster } from '../apis/60-describe-cluster.ts'
import { CLUSTER_OPERATIONS, OPERATIONS_NOT_ASKED } from '../authorized-operations.ts'
import { KafkaError } from '../kafka-errors.ts'
import type { Handler } from './handler.ts'

const BROKERS = 1
const CONTROLLERS = 2

export const describeClusterHandler: Handler<typeof describeCluster> = {
  handle({ endpointType, includeFencedBrokers, includeClusterAuthorizedOperations }, { door }) {
    if (endpointType === CONTROLLERS) throw new KafkaError('MISMATCHED_ENDPOINT_TYPE', 'this is a broker: give its address as --bootstrap-server, not --bootstrap-controller')
    if (endpointType !== BROKERS) throw new KafkaError('UNSUPPORTED_ENDPOINT_TYPE', `there are no endpoints of type ${endpointType}: ask for brokers, ${BROKERS}`)
    const { clusterId, controller, all, up } = door.brokers
    return {
      throttleTimeMs: 0, errorCode: 0, endpointType, clusterId, controllerId: controller.nodeId,
      brokers: (includeFencedBrokers ? all : up).map(({ nodeId, host, port }) => ({ brokerId: nodeId, host, port, isFenced: !door.brokers.isUp(nodeId) })),
      clusterAuthorizedOperations: includeClusterAuthorizedOperations ? CLUSTER_OPERATIONS : OPERATIONS_NOT_ASKED,
    }
  },
  refuse: ({ endpointType }, errorCode, errorMessage) => ({ throttleTimeMs: 0, errorCode, errorMessage, endpointType, clusterId: '', brokers: [] }),
}
