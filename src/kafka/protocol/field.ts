// What a field of a message is: its type on the wire, the versions it exists in, and the value it has where it is absent.
//
// A schema is a plain object of fields in wire order, and the TypeScript types of a message follow from it: `Decoded` is what
// decode gives, with every field of every version in it; `Encodable` is what encode takes. There a field may be left out,
// and then has its initial value, if it says so itself (`default`) or is not in every version (`from`, `to`, `tag`).
// A value for a version that has no such field is passed over, so that one answer serves all versions.
// Fields are made by plain-fields.ts and struct.ts; versions are inclusive.
import type { PrimitiveReader, PrimitiveWriter } from '../../format/primitives.ts'

export interface Codec<Read, Write = Read> {
  /** `name`: of the field, for what is thrown. */
  read(reader: PrimitiveReader, name: string): Read
  write(writer: PrimitiveWriter, value: Write, name: string): void
}

export interface Field<Read, Write = Read, Optional extends boolean = boolean> {
  readonly from: number
  readonly to: number
  /** Of a tagged field: it stands behind the others, in flexible versions alone, and is not written if it has its initial value. */
  readonly tag: number | undefined
  readonly initial: Read
  /** Only a type: whether encode may go without it. */
  readonly optional?: Optional
  isInitial(value: Write): boolean
  codec(version: number): Codec<Read, Write>
}

export type AnyField = Field<unknown>
export type Fields = Readonly<Record<string, AnyField>>

export type Decoded<F extends Fields> = { readonly [Name in keyof F]: F[Name] extends Field<infer Read, infer _Write> ? Read : never }

type OptionalNames<F extends Fields> = { [Name in keyof F]: F[Name] extends Field<infer _Read, infer _Write, infer Optional> ? Optional extends true ? Name : never : never }[keyof F]
type WriteOf<F> = F extends Field<infer _Read, infer Write> ? Write : never

export type Encodable<F extends Fields> =
  & { readonly [Name in Exclude<keyof F, OptionalNames<F>>]: WriteOf<F[Name]> }
  & { readonly [Name in OptionalNames<F>]?: WriteOf<F[Name]> | undefined }

export interface FieldOptions<T> {
  readonly from?: number
  readonly to?: number
  readonly tag?: number
  /** What the field is where it is absent; else 0, false, '' or empty. */
  readonly default?: T
}

export interface NullableOptions<T> extends FieldOptions<T | null> {
  /** Whether it may be null, or the first version in which it may. */
  readonly nullable?: true | number
}

export type OrNull<T, O> = O extends { readonly nullable: true | number } ? T | null : T

export type IsOptional<O> = O extends { readonly from: number } | { readonly to: number } | { readonly tag: number } | { readonly default: unknown } ? true : false

export function isNullable(options: NullableOptions<unknown>, version: number): boolean {
  return options.nullable === true || options.nullable !== undefined && version >= options.nullable
}

export function existsIn(field: AnyField, version: number): boolean {
  return version >= field.from && version <= field.to
}
