/**
 * Columns' names and types.
 *
 * @module
 */

import { Refusal } from "./refusal.js";

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
export const TYPES = ["boolean", "int64", "float64", "utf8", "binary", "timestamp"];

/**
 * Whether columns of that type hold numbers.
 *
 * @param {Type} type
 */
export function isNumeric(type) {
    return type === "int64" || type === "float64";
}

/**
 * The index of a column.
 *
 * @param {Schema} schema
 * @param {string} name
 * @returns {number}
 * @throws {Refusal} If there is none of that name; the text names those that there are.
 */
export function findColumn(schema, name) {
    const index = schema.findIndex((field) => field.name === name);
    if (index < 0) {
        const names = schema.map((field) => `\`${field.name}\``).join(", ");
        throw new Refusal(`there is no column \`${name}\`; the input has ${names || "none"}`);
    }
    return index;
}
