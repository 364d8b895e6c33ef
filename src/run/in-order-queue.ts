// One record at a time, by offset.
import { Task } from './lane-queue.ts'
import { SerialQueue } from './serial-queue.ts'

export class InOrderQueue extends SerialQueue {
  protected override nextTask(): Task | undefined {
    const record = this.nextRecord()
    return record === undefined ? undefined : new Task(this, record)
  }
}
