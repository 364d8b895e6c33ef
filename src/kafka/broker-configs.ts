// What the door says of itself where a client asks for a broker's settings: those that it has, under Kafka's names. None
// can be changed by a client: they are the options of listen() and of the log.
import type { TopicSettings } from '../log/topic-settings.ts'
import { CONFIG_SOURCES, type ConfigSource, type ConfigType } from './config-values.ts'
import type { DoorParts } from './handlers/handler.ts'
import { TOPIC_CONFIGS } from './topic-configs.ts'

export interface BrokerConfig { readonly name: string; readonly value: string; readonly type: ConfigType; readonly source: ConfigSource; readonly documentation: string }

export function brokerConfigs({ settings, brokers, log, topics }: DoorParts, nodeId: number): BrokerConfig[] {
  const address = brokers.all.find(each => each.nodeId === nodeId)
  const given = (name: string, type: ConfigType, value: string | number | boolean, documentation: string): BrokerConfig => ({ name, type, value: String(value), source: CONFIG_SOURCES.BROKER, documentation })
  return [
    given('advertised.listeners', 'STRING', `PLAINTEXT://${address?.host ?? ''}:${address?.port ?? -1}`, 'What clients connect to.'),
    given('auto.create.topics.enable', 'BOOLEAN', settings.autoCreateTopics, 'Whether a topic is made that a client only names.'),
    given('broker.id', 'INT', nodeId, 'The broker.'),
    given('connections.max.idle.ms', 'LONG', settings.idleTimeout, 'A connection without requests is closed after that time.'),
    given('default.replication.factor', 'INT', brokers.all.length, 'Every broker here has every partition: there is one log.'),
    given('log.dirs', 'STRING', log.location, 'Where the log is.'),
    given('max.connections', 'INT', settings.maxConnections, 'How many connections there are at most.'),
    given('node.id', 'INT', nodeId, 'The broker.'),
    given('num.partitions', 'INT', settings.defaultPartitions, 'Of topics that are made without a number.'),
    given('socket.request.max.bytes', 'INT', settings.maxRequestBytes, 'The largest request that is taken.'),
    ...topicDefaults(topics.defaults),
  ].sort((a, b) => a.name < b.name ? -1 : 1)
}

/** Of topics that are made through the door. */
function topicDefaults(defaults: Readonly<TopicSettings>): BrokerConfig[] {
  return [...TOPIC_CONFIGS.values()].map(({ brokerName, type, documentation, show }) => ({ name: brokerName, type, value: show(defaults), source: CONFIG_SOURCES.DEFAULT, documentation }))
}
