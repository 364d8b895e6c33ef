// DescribeCluster: the brokers that are up. There are no controllers to ask.
import type { describeCluster } from '../apis/60-describe-cluster.ts'
import { KafkaError } from '../kafka-errors.ts'
import type { Handler } from './handler.ts'

const BROKERS = 1

export const describeClusterHandler: Handler<typeof describeCluster> = {
  handle({ endpointType }, { door }) {
    if (endpointType !== BROKERS) throw new KafkaError('UNSUPPORTED_ENDPOINT_TYPE', 'there are no controllers here: ask for brokers')
    const { clusterId, controller, up } = door.brokers
    return { throttleTimeMs: 0, errorCode: 0, endpointType, clusterId, controllerId: controller.nodeId, brokers: up.map(({ nodeId, host, port }) => ({ brokerId: nodeId, host, port })) }
  },
  refuse: ({ endpointType }, errorCode, errorMessage) => ({ throttleTimeMs: 0, errorCode, errorMessage, endpointType, clusterId: '', brokers: [] }),
}
