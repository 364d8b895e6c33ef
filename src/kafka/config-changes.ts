// Settings of topics are changed, by either of Kafka's two requests for it: each resource has its own answer, and one that
// is refused is not changed at all.
import type { TopicSettings } from '../log/topic-settings.ts'
import { partsOf } from './config-values.ts'
import { duplicatesOf } from './duplicates.ts'
import type { Call } from './handlers/handler.ts'
import { KAFKA_ERRORS, KafkaError, errorCodeOf, messageOf } from './kafka-errors.ts'
import { tellMistake } from './mistakes.ts'
import type { Api } from './protocol/api.ts'
import { TOPIC_CONFIGS, readTopicConfig, topicConfig } from './topic-configs.ts'

/** Kafka's numbers for kinds of resources. */
export const RESOURCES = { TOPIC: 2, BROKER: 4 } as const

interface Resource { readonly resourceType: number; readonly resourceName: string; readonly configs: readonly { readonly name: string; readonly value: string | null }[] }
interface AlteredResource { errorCode: number; errorMessage: string | null; resourceType: number; resourceName: string }
export interface ConfigChange { readonly name: string; readonly configOperation: number; readonly value: string | null }

/** `change` says which settings a topic gets. */
export async function alterResources<R extends Resource>(api: Pick<Api, 'name'>, resources: readonly R[], { door }: Call, validateOnly: boolean, change: (resource: R, current: Readonly<TopicSettings>, defaults: Readonly<TopicSettings>) => Partial<TopicSettings>): Promise<AlteredResource[]> {
  const twice = duplicatesOf(resources.map(keyOf))
  const answers = []
  for (const resource of resources) {
    try {
      if (twice.has(keyOf(resource))) throw new KafkaError('INVALID_REQUEST', 'a resource may be named only once')
      const topic = topicOf(resource, door)
      const again = duplicatesOf(resource.configs.map(({ name }) => name))
      if (again.size > 0) throw new KafkaError('INVALID_REQUEST', `named more than once: ${[...again].join(', ')}`)
      await door.topics.alter(topic, change(resource, topic.settings, door.topics.defaults), { validateOnly })
      answers.push(answerTo(resource, KAFKA_ERRORS.NONE, null))
    } catch (error) {
      tellMistake(door.log, api, error)
      answers.push(answerTo(resource, errorCodeOf(error), messageOf(error)))
    }
  }
  return answers
}

export function answerTo({ resourceType, resourceName }: Resource, errorCode: number, errorMessage: string | null): AlteredResource {
  return { errorCode, errorMessage, resourceType, resourceName }
}

/** AlterConfigs: what is not named gets its default. */
export function replaceConfigs(configs: Resource['configs'], defaults: Readonly<TopicSettings>): Partial<TopicSettings> {
  const all: Partial<TopicSettings> = {}
  for (const { name } of TOPIC_CONFIGS.values()) Object.assign(all, defaultOf(name, defaults))
  for (const { name, value } of configs) Object.assign(all, readTopicConfig(name, given(name, value)))
  return all
}

/** IncrementalAlterConfigs: one after the other. */
export function changeConfigs(changes: readonly ConfigChange[], current: Readonly<TopicSettings>, defaults: Readonly<TopicSettings>): Partial<TopicSettings> {
  const changed: Partial<TopicSettings> = {}
  for (const change of changes) Object.assign(changed, changeConfig(change, current, defaults))
  return changed
}

function changeConfig({ name, configOperation, value }: ConfigChange, current: Readonly<TopicSettings>, defaults: Readonly<TopicSettings>): Partial<TopicSettings> {
  switch (configOperation) {
    case 0: return readTopicConfig(name, given(name, value)) // set
    case 1: return defaultOf(name, defaults) // delete
    case 2: return readTopicConfig(name, [...listOf(name, current, 'append to'), ...partsOf(given(name, value))].join(',')) // append
    case 3: { // subtract
      const gone = partsOf(given(name, value))
      return readTopicConfig(name, listOf(name, current, 'subtract from').filter(part => !gone.includes(part)).join(','))
    }
    default: throw new KafkaError('INVALID_REQUEST', `unknown operation ${configOperation} on ${name}`)
  }
}

function defaultOf(name: string, defaults: Readonly<TopicSettings>): Partial<TopicSettings> {
  return readTopicConfig(name, topicConfig(name).show(defaults))
}

function listOf(name: string, current: Readonly<TopicSettings>, what: string): string[] {
  const { type, show } = topicConfig(name)
  if (type !== 'LIST') throw new KafkaError('INVALID_CONFIG', `can't ${what} ${name}: it is no list`)
  return partsOf(show(current))
}

function given(name: string, value: string | null): string {
  if (value === null) throw new KafkaError('INVALID_REQUEST', `${name} has no value`)
  return value
}

function topicOf({ resourceType, resourceName }: Resource, { topics }: Call['door']): ReturnType<typeof topics.existing> {
  if (resourceType === RESOURCES.TOPIC) return topics.existing(resourceName)
  if (resourceType === RESOURCES.BROKER) throw new KafkaError('INVALID_REQUEST', "a broker's settings are the options of listen() and of the log: no client can change them")
  throw new KafkaError('INVALID_REQUEST', `there are no settings of resources of type ${resourceType} here`)
}

function keyOf({ resourceType, resourceName }: Resource): string {
  return `${resourceType} ${resourceName}`
}
