// Why a group does not do what a client behind a door asks for. The door answers with it.
import type { GroupError } from './group-errors.ts'

export class GroupFault extends Error {
  static { this.prototype.name = 'GroupFault' }
  readonly reason: GroupError

  constructor(reason: GroupError, message: string) {
    super(message)
    this.reason = reason
  }
}
