// IncrementalAlterConfigs: a topic's settings, those that are named: set, put back to the default, or for a list, more or
// fewer in it.
import { incrementalAlterConfigs } from '../apis/44-incremental-alter-configs.ts'
import { alterResources, answerTo, changeConfigs } from '../config-changes.ts'
import type { Handler } from './handler.ts'

export const incrementalAlterConfigsHandler: Handler<typeof incrementalAlterConfigs> = {
  async handle({ resources, validateOnly }, call) {
    const responses = await alterResources(incrementalAlterConfigs, resources, call, validateOnly, ({ configs }, current, defaults) => changeConfigs(configs, current, defaults))
    return { throttleTimeMs: 0, responses }
  },
  refuse: ({ resources }, errorCode, message) => ({ throttleTimeMs: 0, responses: resources.map(resource => answerTo(resource, errorCode, message)) }),
}
