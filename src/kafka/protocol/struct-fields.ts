// The fields that are made of others: structures and arrays of them.
//
//   structure            its fields, in flexible versions followed by its tagged fields
//   structure or null    int8 -1: null, 1: the structure
//   array                in format/primitives.ts
//
// A schema is compiled once for each version that is met: which fields there are is decided then, not for each message.
// Tags that nobody knows are passed over.
import { PrimitiveWriter, type PrimitiveReader, type TaggedField } from '../../format/primitives.ts'
import { existsIn, isNullable, type AnyField, type Codec, type Decoded, type Encodable, type Field, type Fields, type IsOptional, type NullableOptions, type OrNull } from './field.ts'
import { neverNull } from './plain-fields.ts'

type Row = Record<string, unknown>
type GivenRow = Readonly<Row>

interface Member { readonly name: string; readonly field: AnyField; readonly codec: Codec<unknown> }

const NULL = -1
const NOT_NULL = 1
const TAGGED_FIELD_BYTES = 64

export function struct<const F extends Fields, const O extends NullableOptions<never>>(fields: F, options?: O): Field<OrNull<Decoded<F>, O>, OrNull<Encodable<F>, O>, IsOptional<O>> {
  const { from = 0, to = Infinity, tag, default: initial = initialOf(fields), ...rest }: NullableOptions<GivenRow> = options ?? {}
  const codecAt = structCodec(fields)
  const field: Field<GivenRow | null> = {
    from, to, tag, initial,
    isInitial: value => value === null || initial === null ? value === initial : isInitialRow(fields, value),
    codec: version => isNullable(rest, version) ? structOrNull(codecAt(version)) : neverNull(codecAt(version)),
  }
  return field as unknown as Field<OrNull<Decoded<F>, O>, OrNull<Encodable<F>, O>, IsOptional<O>>
}

/** Of structures, given by their fields, or of anything else: of such a field only the type matters. */
export function array<const F extends Fields, const O extends NullableOptions<readonly never[]>>(element: F, options?: O): Field<OrNull<readonly Decoded<F>[], O>, OrNull<readonly Encodable<F>[], O>, IsOptional<O>>
export function array<T, const O extends NullableOptions<readonly never[]>>(element: Field<T>, options?: O): Field<OrNull<readonly T[], O>, OrNull<readonly T[], O>, IsOptional<O>>
export function array(element: Fields | AnyField, options: NullableOptions<readonly never[]> = {}): Field<unknown> {
  const { from = 0, to = Infinity, tag, default: initial = Object.freeze([]), ...rest } = options
  const codecAt = isField(element) ? (version: number) => element.codec(version) : structCodec(element)
  const field: Field<readonly unknown[] | null> = {
    from, to, tag, initial,
    isInitial: value => value === null || initial === null ? value === initial : value.length === 0,
    codec: version => isNullable(rest, version) ? arrayOrNull(codecAt(version)) : neverNull(arrayOf(codecAt(version))),
  }
  return field
}

/** The codec of a structure in each version, made when it is first asked for. */
export function structCodec<F extends Fields>(fields: F): (version: number) => Codec<Decoded<F>, Encodable<F>> {
  const compiled: Codec<Row, GivenRow>[] = []
  return version => (compiled[version] ??= compile(fields, version)) as Codec<never> as Codec<Decoded<F>, Encodable<F>>
}

function compile(fields: Fields, version: number): Codec<Row, GivenRow> {
  const all = Object.entries(fields)
  const members = all.filter(([, field]) => existsIn(field, version)).map(([name, field]): Member => ({ name, field, codec: field.codec(version) }))
  const inOrder = members.filter(({ field }) => field.tag === undefined)
  const tagged = members.filter(({ field }) => field.tag !== undefined).sort((a, b) => a.field.tag! - b.field.tag!)
  const initial = initialOf(fields)
  return {
    read(reader) {
      const row: Row = { ...initial }
      for (const { name, codec } of inOrder) row[name] = codec.read(reader, name)
      if (reader.flexible) readTagged(reader, tagged, row)
      return row
    },
    write(writer, row) {
      for (const { name, field, codec } of inOrder) codec.write(writer, valueOf(row, name, field), name)
      if (writer.flexible) writer.taggedFields(tagged.length === 0 ? [] : taggedFieldsOf(writer, tagged, row))
    },
  }
}

function readTagged(reader: PrimitiveReader, tagged: readonly Member[], row: Row): void {
  reader.taggedFields(tag => {
    const member = tagged.find(({ field }) => field.tag === tag)
    if (member !== undefined) row[member.name] = member.codec.read(reader, member.name)
  })
}

/** Their lengths come before them, so they are written aside first. */
function taggedFieldsOf(writer: PrimitiveWriter, tagged: readonly Member[], row: GivenRow): TaggedField[] {
  return tagged.filter(({ name, field }) => !field.isInitial(valueOf(row, name, field))).map(({ name, field, codec }) => {
    const aside = new PrimitiveWriter(TAGGED_FIELD_BYTES)
    aside.flexible = true
    codec.write(aside, valueOf(row, name, field), name)
    const content = aside.finish()
    return { tag: field.tag!, bytes: content.length, write: () => { writer.fixed(content) } }
  })
}

function structOrNull(codec: Codec<Row, GivenRow>): Codec<Row | null, GivenRow | null> {
  return {
    read: (reader, name) => reader.int8(name) < 0 ? null : codec.read(reader, name),
    write(writer, value, name) {
      writer.int8(value === null ? NULL : NOT_NULL)
      if (value !== null) codec.write(writer, value, name)
    },
  }
}

function arrayOf(codec: Codec<unknown>): Codec<readonly unknown[]> {
  return {
    read: (reader, name) => reader.array(name, () => codec.read(reader, name)),
    write(writer, elements, name) { writer.array(elements, element => { codec.write(writer, element, name) }) },
  }
}

function arrayOrNull(codec: Codec<unknown>): Codec<readonly unknown[] | null> {
  return {
    read: (reader, name) => reader.nullableArray(name, () => codec.read(reader, name)),
    write(writer, elements, name) { writer.nullableArray(elements, element => { codec.write(writer, element, name) }) },
  }
}

function valueOf(row: GivenRow, name: string, field: AnyField): unknown {
  const given = row[name]
  return given === undefined ? field.initial : given
}

/** Frozen: messages share it. */
function initialOf(fields: Fields): GivenRow {
  return Object.freeze(Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, field.initial])))
}

function isInitialRow(fields: Fields, row: GivenRow): boolean {
  return Object.entries(fields).every(([name, field]) => field.isInitial(valueOf(row, name, field)))
}

function isField(element: Fields | AnyField): element is AnyField {
  return typeof element['codec'] === 'function'
}
