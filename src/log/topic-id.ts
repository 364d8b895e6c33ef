import { randomUUID } from 'node:crypto'

/** A topic's id as Kafka writes it: a random UUID in 22 characters of base64url, the first of them not '-'. */
export function randomTopicId(): string {
  for (;;) {
    const id = Buffer.from(randomUUID().replaceAll('-', ''), 'hex').toString('base64url')
    if (!id.startsWith('-')) return id
  }
}
