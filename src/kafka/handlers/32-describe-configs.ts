// DescribeConfigs: of a topic, all that Kafka has, with what holds here; of the broker that is asked, what the door has.
// A value counts as set where it is not the door's default. Names that are not known are left out, as Kafka does.
import { describeConfigs } from '../apis/32-describe-configs.ts'
import { brokerConfigs } from '../broker-configs.ts'
import { RESOURCES } from '../config-changes.ts'
import { CONFIG_SOURCES, CONFIG_TYPES } from '../config-values.ts'
import { KafkaError, errorCodeOf, messageOf } from '../kafka-errors.ts'
import { tellMistake } from '../mistakes.ts'
import { TOPIC_CONFIGS } from '../topic-configs.ts'
import type { RequestOf, ResponseOf } from '../protocol/api.ts'
import type { Call, Handler } from './handler.ts'

type Request = RequestOf<typeof describeConfigs>
type Asked = Request['resources'][number]
type Answer = ResponseOf<typeof describeConfigs>['results'][number]
type Config = Answer['configs'][number]

/** A broker's defaults of these are under names in hours, and no synonyms. */
const IN_HOURS = ['retention.ms', 'segment.ms']

export const describeConfigsHandler: Handler<typeof describeConfigs> = {
  handle: (request, call) => ({ throttleTimeMs: 0, results: request.resources.map(resource => describe(resource, request, call)) }),
  refuse: ({ resources }, errorCode, errorMessage) => ({
    throttleTimeMs: 0, results: resources.map(({ resourceType, resourceName }) => ({ errorCode, errorMessage, resourceType, resourceName, configs: [] })),
  }),
}

function describe(resource: Asked, request: Request, call: Call): Answer {
  const { resourceType, resourceName, configurationKeys } = resource
  try {
    const isWanted = ({ name }: { readonly name: string }): boolean => configurationKeys === null || configurationKeys.length === 0 || configurationKeys.includes(name)
    return { errorCode: 0, errorMessage: null, resourceType, resourceName, configs: configsOf(resource, request, call).filter(isWanted) }
  } catch (error) {
    tellMistake(call.door.log, describeConfigs, error)
    return { errorCode: errorCodeOf(error), errorMessage: messageOf(error), resourceType, resourceName, configs: [] }
  }
}

function configsOf({ resourceType, resourceName }: Asked, request: Request, call: Call): Config[] {
  switch (resourceType) {
    case RESOURCES.TOPIC: return topicConfigs(resourceName, request, call.door)
    case RESOURCES.BROKER: return ofBroker(resourceName, request, call)
    default: throw new KafkaError('INVALID_REQUEST', `there are no settings of resources of type ${resourceType} here`)
  }
}

function topicConfigs(topic: string, { includeSynonyms, includeDocumentation }: Request, { topics }: Call['door']): Config[] {
  const { settings } = topics.existing(topic)
  return [...TOPIC_CONFIGS.values()].map(({ name, brokerName, type, documentation, show }) => {
    const value = show(settings)
    const initial = show(topics.defaults)
    const isSet = value !== initial
    const set = isSet ? [{ name, value, source: CONFIG_SOURCES.TOPIC }] : []
    const byDefault = IN_HOURS.includes(name) ? [] : [{ name: brokerName, value: initial, source: CONFIG_SOURCES.DEFAULT }]
    return {
      name, value, readOnly: false, configSource: isSet ? CONFIG_SOURCES.TOPIC : CONFIG_SOURCES.DEFAULT, isSensitive: false,
      synonyms: includeSynonyms ? [...set, ...byDefault] : [],
      configType: CONFIG_TYPES[type], documentation: includeDocumentation ? documentation : null,
    }
  })
}

/** Without a name: what was set for all brokers at once, which is nothing. */
function ofBroker(broker: string, { includeSynonyms, includeDocumentation }: Request, { door, node }: Call): Config[] {
  if (broker === '') return []
  if (broker !== String(node)) throw new KafkaError('INVALID_REQUEST', `this is broker ${node}: found '${broker}', expected ${node} or nothing`)
  return brokerConfigs(door, node).map(({ name, value, type, source, documentation }) => ({
    name, value, readOnly: true, configSource: source, isSensitive: false,
    synonyms: includeSynonyms ? [{ name, value, source }] : [], configType: CONFIG_TYPES[type], documentation: includeDocumentation ? documentation : null,
  }))
}
