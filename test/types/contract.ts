// The public surface, written down once more by hand, and held against what the package declares: every member has
// exactly the type that stands here, and none is added or lost unseen. Types of one member are named as the package
// names them, since each is compared by itself. Compiled by types.test.ts, never run.
import type * as millrace from 'millrace'
import type {
  AnyNewRecord, BatchOptions, ClosedError, Clock, Codec, Consumer, ConsumerGroup, Duration, Durability, EventLog, ExactlyOnceContext, GroupEvents, HandlerContext, HousekeepingReport, Isolation, JoinOptions, KeyOf, LogEvents, Logger, LogRecord, LogStats,
  MillraceError, NewRecord, OpenOptions, Partition, PartitionLag, Position, Producer, ProducerOptions, ReadOptions, RecordBatch, RecordHeaders, RecordOf, RunOptions, Runner, SegmentStats, Sent, Serde, SerdeName,
  Size, StandardSchema, Topic, TopicLike, TopicOptions, TopicProducer, TopicSelection, TopicSettings, Transaction, TransactionOptions, ValueOf, VersionedSchema, View,
} from 'millrace'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false
/** Of a class, without what is private to it. */
type Members<T> = Pick<T, keyof T>
declare function same<A, B>(holds: Equal<A, B>): void
declare function sameMembers<A, B>(holds: Equal<Members<A>, Members<B>>): void

type Order = { item: string; total: number }

// ---------------------------------------------------------------- small things

same<Duration, number | string>(true)
same<Size, number | string>(true)
same<Durability, 'process' | 'power'>(true)
same<Codec, 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'>(true)
same<Isolation, 'read_committed' | 'read_uncommitted'>(true)
same<Position, 'earliest' | 'latest' | Date | { timestamp: number } | { offset: number } | ReadonlyMap<number, number>>(true)
sameMembers<Clock, { now(): number; setTimeout(callback: () => void, ms: number): { cancel(): void } }>(true)
sameMembers<Logger, { debug(o: object, m: string): void; info(o: object, m: string): void; warn(o: object, m: string): void; error(o: object, m: string): void }>(true)
sameMembers<Serde<Order>, { readonly name: string; encode(value: Order): Uint8Array; decode(bytes: Uint8Array): Order }>(true)
same<[SerdeName<unknown>, SerdeName<string>, SerdeName<Uint8Array>, SerdeName<Order>], ['msgpack' | 'json' | 'string' | 'bytes', 'msgpack' | 'json' | 'string', 'msgpack' | 'json' | 'bytes', 'msgpack' | 'json']>(true)
sameMembers<StandardSchema<string, Order>, { readonly '~standard': { readonly version: 1; readonly vendor: string; readonly validate: (value: unknown) => unknown; readonly types?: { readonly input: string; readonly output: Order } | undefined } }>(true)
sameMembers<VersionedSchema<Order>, { version: number; schema?: StandardSchema<unknown, Order>; upcast: { readonly [from: number]: (old: any) => unknown } }>(true)

// ---------------------------------------------------------------- the log

same<typeof millrace.open, (location: string, options?: OpenOptions) => Promise<EventLog>>(true)
sameMembers<OpenOptions, { create?: boolean; readOnly?: boolean; durability?: Durability; storage?: 'auto' | 'mapped' | 'file'; topicDefaults?: TopicOptions; maxDiskBytes?: Size; housekeeping?: { interval?: Duration } | false; groupExpiry?: Duration; clock?: Clock; logger?: Logger }>(true)
// transaction is a member once it works.
interface EventLogContract {
  readonly location: string
  topic<V = unknown, K = string>(name: string, options?: TopicOptions<V, K>): Promise<Topic<V, K>>
  topics(): Topic[]
  deleteTopic(name: string): Promise<void>
  producer(options?: ProducerOptions): Producer
  group(id: string): ConsumerGroup
  groups(): ConsumerGroup[]
  transaction<T>(work: (tx: Transaction) => Promise<T>, options?: TransactionOptions): Promise<T>
  idle(options?: { signal?: AbortSignal; advance?: boolean }): Promise<void>
  housekeep(): Promise<HousekeepingReport>
  snapshot(directory: string): Promise<void>
  stats(): LogStats
  on<E extends keyof LogEvents>(event: E, listener: (event: LogEvents[E]) => void): () => void
  close(options?: { timeout?: Duration }): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}
sameMembers<EventLog, EventLogContract>(true)
sameMembers<LogEvents, {
  error: { error: MillraceError; topic?: string; partition?: number }
  warning: { code: string; message: string; hint?: string }
  recovered: { topic: string; partition: number; cutBytes: number; endOffset: number }
  rewound: { group: string; topic: string; partition: number; from: number; to: number }
  housekeeping: HousekeepingReport
}>(true)
sameMembers<LogStats, {
  location: string; storage: 'mapped' | 'file' | 'memory'; storageReason: string; bytes: number
  topics: { name: string; partitions: { index: number; startOffset: number; stableOffset: number; endOffset: number; bytes: number; segments: number }[] }[]
  groups: { id: string; members: number; lag: number }[]
  transactions: { id: string | null; ageMs: number; partitions: number }[]
}>(true)

// ---------------------------------------------------------------- topics and partitions

sameMembers<TopicOptions<Order, string>, {
  partitions?: number; key?: SerdeName<string> | Serde<string>; value?: SerdeName<Order> | Serde<Order>; schema?: StandardSchema<any, Order> | VersionedSchema<Order>
  partitioner?: 'murmur2' | 'xxhash' | ((key: Uint8Array, partitions: number) => number); compression?: Codec; cleanup?: 'delete' | 'compact' | 'compact+delete'
  retention?: Duration; retentionBytes?: Size; retainUntilConsumedBy?: readonly string[]; segmentBytes?: Size; segmentAge?: Duration; minDirtyRatio?: number
  tombstoneRetention?: Duration; compactionLag?: { min?: Duration; max?: Duration }; maxRecordBytes?: Size; timestamps?: 'create' | 'append'
}>(true)
sameMembers<TopicSettings, {
  partitions: number; key: string; value: string; partitioner: string; compression: Codec; cleanup: 'delete' | 'compact' | 'compact+delete'
  retentionMs: number; retentionBytes: number; retainUntilConsumedBy: readonly string[]; segmentBytes: number; segmentAgeMs: number; minDirtyRatio: number
  tombstoneRetentionMs: number; compactionLagMinMs: number; compactionLagMaxMs: number; maxRecordBytes: number; timestamps: 'create' | 'append'
}>(true)
interface TopicContract<V, K> {
  readonly name: string
  readonly settings: Readonly<TopicSettings>
  readonly partitions: readonly Partition<V, K>[]
  send(record: NewRecord<V, K>): Promise<Sent>
  send(records: readonly NewRecord<V, K>[]): Promise<Sent[]>
  producer(options?: ProducerOptions): TopicProducer<V, K>
  read(options?: ReadOptions): AsyncIterableIterator<LogRecord<V, K>>
  batches(options?: ReadOptions): AsyncIterableIterator<RecordBatch<V, K>>
  view(options?: { signal?: AbortSignal }): Promise<View<V, K>>
  alter(options: Omit<TopicOptions<V, K>, 'key' | 'value' | 'partitioner'>): Promise<void>
}
sameMembers<Topic<Order, string>, TopicContract<Order, string>>(true)
interface PartitionContract<V, K> {
  readonly topic: string
  readonly index: number
  readonly startOffset: number
  readonly stableOffset: number
  readonly endOffset: number
  readonly bytes: number
  offsets(): { readonly start: number; readonly stable: number; readonly end: number }
  get(offset: number): Promise<LogRecord<V, K> | undefined>
  fetch(options: { from: number; maxBytes?: Size; isolation?: Isolation; signal?: AbortSignal }): Promise<RecordBatch<V, K>[]>
  offsetAt(time: number | Date): Promise<number>
  truncateBefore(offset: number): Promise<void>
  segments(): SegmentStats[]
  recover(): Promise<void>
}
sameMembers<Partition<Order, string>, PartitionContract<Order, string>>(true)
sameMembers<SegmentStats, { baseOffset: number; endOffset: number; bytes: number; createdAt: number; largestTimestamp: number; active: boolean; compacted: boolean }>(true)
interface ViewContract<V, K> {
  get(key: K): V | undefined
  has(key: K): boolean
  readonly size: number
  entries(): IterableIterator<[K, V]>
  caughtUp(): Promise<void>
  on(event: 'change', listener: (change: { key: K; value: V | undefined }) => void): () => void
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}
sameMembers<View<Order, string>, ViewContract<Order, string>>(true)
sameMembers<ReadOptions, { from?: Position; to?: Position; partitions?: readonly number[]; follow?: boolean; isolation?: Isolation; maxBufferedBytes?: Size; signal?: AbortSignal }>(true)

// Whole, not by members: a user's test double is a record, too.
interface LogRecordContract<V, K> {
  readonly topic: string; readonly partition: number; readonly offset: number; readonly timestamp: number
  readonly key: K | null; readonly value: V | null; readonly headers: RecordHeaders
  toJSON(): unknown
}
same<LogRecord<Order, string>, LogRecordContract<Order, string>>(true)
interface RecordHeadersContract extends Iterable<readonly [name: string, value: Uint8Array | null]> {
  get(name: string): Uint8Array | null | undefined
  text(name: string): string | null | undefined
  readonly size: number
}
same<RecordHeaders, RecordHeadersContract>(true)
interface RecordBatchContract<V, K> extends Iterable<LogRecord<V, K>> {
  readonly topic: string; readonly partition: number
  readonly baseOffset: number; readonly lastOffset: number; readonly count: number
  readonly bytes: Uint8Array
}
same<RecordBatch<Order, string>, RecordBatchContract<Order, string>>(true)

// ---------------------------------------------------------------- producing

interface NewRecordContract<V, K> {
  key?: K | null
  value: V | null
  headers?: { readonly [name: string]: string | Uint8Array | null } | readonly (readonly [name: string, value: string | Uint8Array | null])[]
  timestamp?: number | Date
  partition?: number
}
same<NewRecord<Order, string>, NewRecordContract<Order, string>>(true)
same<Members<AnyNewRecord>, Members<NewRecordContract<unknown, unknown> & { topic: string | TopicLike<any, any> }>>(true)
same<Sent, { readonly topic: string; readonly partition: number; readonly offset: number; readonly timestamp: number }>(true)
same<Members<ProducerOptions>, { durability?: Durability; compression?: Codec; linger?: Duration; batchBytes?: Size; maxBufferedBytes?: Size; signal?: AbortSignal }>(true)
interface TopicProducerContract<V, K> {
  send(record: NewRecord<V, K>): Promise<Sent>
  send(records: readonly NewRecord<V, K>[]): Promise<Sent[]>
  sendSync(record: NewRecord<V, K>): Sent
  flush(): Promise<void>
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}
sameMembers<TopicProducer<Order, string>, TopicProducerContract<Order, string>>(true)
interface ProducerContract {
  send(record: AnyNewRecord): Promise<Sent>
  send(records: readonly AnyNewRecord[]): Promise<Sent[]>
  sendSync(record: AnyNewRecord): Sent
  flush(): Promise<void>
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}
sameMembers<Producer, ProducerContract>(true)
interface TransactionContract {
  send<V, K>(topic: TopicLike<V, K>, record: NewRecord<NoInfer<V>, NoInfer<K>> | readonly NewRecord<NoInfer<V>, NoInfer<K>>[]): Promise<void>
  advance(consumer: Pick<Consumer<any, any>, 'assignment' | 'commit'>, record?: LogRecord<any, any>): void
}
sameMembers<Transaction, TransactionContract>(true)
same<Members<TransactionOptions>, { id?: string; timeout?: Duration; durability?: Durability; signal?: AbortSignal }>(true)

/** A topic of the user's own making, where a topic is taken. */
interface TopicLikeContract<V, K> {
  readonly name: string
  send(record: NewRecord<V, K>): Promise<Sent>
  read(options?: ReadOptions): AsyncIterableIterator<LogRecord<V, K>>
}
declare const own: TopicLikeContract<Order, string>
declare const topic: Topic<Order, string>
const asTopicLike: TopicLike<Order, string>[] = [own, topic]
const asContract: TopicLikeContract<Order, string>[] = [topic]
void [asTopicLike, asContract]

// ---------------------------------------------------------------- consumer groups

same<TopicSelection, TopicLike<any, any> | string | RegExp | readonly (TopicLike<any, any> | string)[]>(true)
same<[RecordOf<Topic<Order, string>>, ValueOf<Topic<Order, string>>, KeyOf<Topic<Order, string>>], [LogRecord<Order, string>, Order, string]>(true)
same<[ValueOf<readonly [Topic<Order, string>, Topic<string, number>]>, KeyOf<readonly [Topic<Order, string>, Topic<string, number>]>], [Order | string, string | number]>(true)
same<[RecordOf<'orders'>, ValueOf<RegExp>, KeyOf<'orders'>], [LogRecord, unknown, unknown]>(true)
/** run() is compared by what compiles (api-use.ts): overloads have no type of their own. */
interface ConsumerGroupContract {
  readonly id: string
  join<const S extends TopicSelection>(topics: S, options: JoinOptions): Promise<Consumer<ValueOf<S>, KeyOf<S>>>
  members(): { id: string; partitions: { topic: string; partition: number }[] }[]
  committed(topic: string | TopicLike<any, any>): Promise<Map<number, number>>
  lag(): Promise<PartitionLag[]>
  reset(topics: TopicSelection, to: Position): Promise<void>
  delete(): Promise<void>
  on<E extends keyof GroupEvents>(event: E, listener: (event: GroupEvents[E]) => void): () => void
}
same<Omit<Members<ConsumerGroup>, 'run'>, Omit<ConsumerGroupContract, 'run'>>(true)
sameMembers<PartitionLag, { topic: string; partition: number; committed: number | null; endOffset: number; lag: number }>(true)
sameMembers<GroupEvents, {
  rebalance: { generation: number; members: number; moved: number; durationMs: number }
  stalled: { topic: string; partition: number; offset: number; sinceMs: number }
  error: { error: unknown }
}>(true)
interface JoinOptionsContract {
  from: Position; isolation?: Isolation; assignor?: 'sticky' | 'range' | 'roundRobin'; memberId?: string; sessionTimeout?: Duration; revokeTimeout?: Duration
  commit?: 'auto' | 'manual' | 'before'; commitInterval?: Duration; onMissing?: 'error' | Position; maxBufferedBytes?: Size; signal?: AbortSignal
}
sameMembers<JoinOptions, JoinOptionsContract>(true)
interface ConsumerContract<V, K> extends AsyncIterable<LogRecord<V, K>>, AsyncDisposable {
  readonly assignment: readonly { topic: string; partition: number }[]
  [Symbol.asyncIterator](): AsyncIterator<LogRecord<V, K>>
  batches(): AsyncIterableIterator<RecordBatch<V, K>>
  commit(record?: LogRecord<any, any>): Promise<void>
  pause(...partitions: { topic: string; partition: number }[]): void
  resume(...partitions: { topic: string; partition: number }[]): void
  seek(partition: { topic: string; partition: number }, to: Position): Promise<void>
  close(options?: { leave?: boolean }): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}
sameMembers<Consumer<Order, string>, ConsumerContract<Order, string>>(true)
sameMembers<BatchOptions, { max?: number; wait?: Duration }>(true)
sameMembers<RunOptions, Omit<JoinOptionsContract, 'commit'> & {
  delivery?: 'at-least-once' | 'at-most-once' | 'exactly-once'; concurrency?: number; order?: 'partition' | 'key'; batch?: BatchOptions
  retry?: { attempts?: number; backoff?: Duration; maxBackoff?: Duration; jitter?: boolean }; deadLetter?: string | TopicLike<any, any>; handlerTimeout?: Duration
}>(true)
sameMembers<HandlerContext, { readonly signal: AbortSignal; readonly attempt: number }>(true)
sameMembers<ExactlyOnceContext, { readonly signal: AbortSignal; readonly attempt: number; readonly tx: Pick<Transaction, 'send'> }>(true)
interface RunnerContract extends AsyncDisposable {
  readonly done: Promise<void>
  health(): { state: 'running' | 'stopping' | 'stopped' | 'failed'; assigned: number; inFlight: number; lag: number; lastError?: unknown }
  stop(options?: { timeout?: Duration }): Promise<void>
}
sameMembers<Runner, RunnerContract>(true)

// ---------------------------------------------------------------- errors

sameMembers<Omit<MillraceError, keyof Error>, { readonly code: string; readonly hint: string; readonly retriable: boolean; readonly details: Readonly<Record<string, unknown>> }>(true)
declare const closed: ClosedError
const asError: Error & MillraceError = closed
void asError
type Names = 'open' | 'EventLog' | 'ConsumerGroup' | 'Consumer' | 'Topic' | 'Partition' | 'View' | 'TopicProducer' | 'Producer' | 'MillraceError' | 'UsageError' | 'ClosedError' | 'NotFoundError' | 'ConflictError' | 'OutOfRangeError' | 'LimitError' | 'CorruptionError' | 'StorageError' | 'TimeoutError'
same<keyof typeof millrace, Names>(true)
