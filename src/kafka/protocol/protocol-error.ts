import { MillraceError } from '../../base/errors.ts'

/**
 * What arrived is not Kafka's protocol, or not a version of it that is spoken here. Nothing else is thrown for bytes from a
 * connection. Codes: PROTOCOL_MALFORMED, PROTOCOL_FRAME_SIZE, PROTOCOL_UNSUPPORTED_VERSION.
 */
export class ProtocolError extends MillraceError {
  static { this.prototype.name = 'ProtocolError' }
}

/** `subject`: 'a Fetch request of version 12', say. */
export function malformed(subject: string, what: string, at: number): ProtocolError {
  return new ProtocolError('PROTOCOL_MALFORMED', `${subject} is malformed: ${what} (byte ${at})`, {
    hint: 'The connection is out of step, or its other end speaks something else than Kafka\'s protocol.', details: { at },
  })
}
