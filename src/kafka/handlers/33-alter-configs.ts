// AlterConfigs: a topic's settings, all at once: what is not named gets the default of topics that are made through the
// door. What Kafka has no name for (retainUntilConsumedBy) stays.
import { alterConfigs } from '../apis/33-alter-configs.ts'
import { alterResources, answerTo, replaceConfigs } from '../config-changes.ts'
import type { Handler } from './handler.ts'

export const alterConfigsHandler: Handler<typeof alterConfigs> = {
  async handle({ resources, validateOnly }, call) {
    const responses = await alterResources(alterConfigs, resources, call, validateOnly, ({ configs }, _current, defaults) => replaceConfigs(configs, defaults))
    return { throttleTimeMs: 0, responses }
  },
  refuse: ({ resources }, errorCode, message) => ({ throttleTimeMs: 0, responses: resources.map(resource => answerTo(resource, errorCode, message)) }),
}
