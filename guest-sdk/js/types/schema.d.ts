/**
 * Columns' names and types.
 *
 * @module
 */
export type Type = "boolean" | "int64" | "float64" | "utf8" | "binary" | "timestamp";
export type Field = {
    name: string;
    type: Type;
};
export type Schema = Field[];
export type Input = {
    alias: string;
    schema: Schema;
};
export type Value = boolean | bigint | number | string | Uint8Array | null;
export type Lookback = "none" | "unbounded" | bigint;
/**
 * The type of a column. Its values are, in JavaScript: `boolean`, `bigint` (`int64`, and `timestamp`: nanoseconds since
 * 1970-01-01T00:00:00Z), `number` (`float64`), `string` (`utf8`), `Uint8Array` (`binary`); `null` where there is none.
 *
 * @typedef {"boolean" | "int64" | "float64" | "utf8" | "binary" | "timestamp"} Type
 */
/**
 * A column's name and type.
 *
 * @typedef {{ name: string, type: Type }} Field
 */
/**
 * The columns of a stream besides `time`, which every record has and no schema lists.
 *
 * @typedef {Field[]} Schema
 */
/**
 * An input of a computation: the name by which expressions over several inputs qualify its columns, and its columns.
 *
 * @typedef {{ alias: string, schema: Schema }} Input
 */
/**
 * A value of any column.
 *
 * @typedef {boolean | bigint | number | string | Uint8Array | null} Value
 */
/**
 * How much earlier than a result its causes may lie: not at all, so many nanoseconds, or any time.
 *
 * @typedef {"none" | "unbounded" | bigint} Lookback
 */
/**
 * The types, each at the place that is its code in a frame, less one.
 *
 * @type {Type[]}
 */
export declare const TYPES: Type[];
/**
 * Whether columns of that type hold numbers.
 *
 * @param {Type} type
 */
export declare function isNumeric(type: Type): type is "float64" | "int64";
/**
 * The index of a column.
 *
 * @param {Schema} schema
 * @param {string} name
 * @returns {number}
 * @throws {Refusal} If there is none of that name; the text names those that there are.
 */
export declare function findColumn(schema: Schema, name: string): number;
