/**
 * Columns as typed arrays over a frame's bytes.
 *
 * @module
 */
import type { Type, Value } from "./schema.js";
export type Values = Uint8Array | BigInt64Array | Float64Array | Int32Array;
/** @import { Type, Value } from "./schema.js" */
/**
 * The values of a column where they lie:
 * - `boolean`: a `Uint8Array` of bits, least significant first;
 * - `int64` and `timestamp`: a `BigInt64Array`;
 * - `float64`: a `Float64Array`;
 * - `utf8` and `binary`: an `Int32Array` of offsets into `bytes`, one more than rows.
 *
 * @typedef {Uint8Array | BigInt64Array | Float64Array | Int32Array} Values
 */
/**
 * A column of a frame: typed arrays over its bytes. It is valid until the call that it was given to returns; what is to be kept is
 * copied. Nobody writes to it.
 */
export declare class Column {
    /** @readonly */ type: Type;
    /** @readonly */ length: number;
    /** @readonly */ validity: Uint8Array<ArrayBufferLike> | null;
    /** @readonly */ values: any;
    /** @readonly */ bytes: Uint8Array<ArrayBufferLike> | null;
    /**
     * @param {Type} type
     * @param {number} length How many rows.
     * @param {Uint8Array | null} validity One bit a row, least significant first, 1 where there is a value; `null` where all are.
     * @param {any} values As {@link Values} says for the type. At a null's place stands anything.
     * @param {Uint8Array | null} bytes Of `utf8` and `binary`.
     */
    constructor(type: Type, length: number, validity: Uint8Array | null, values: any, bytes: Uint8Array | null);
    /**
     * Whether a row has a value.
     *
     * @param {number} row
     * @returns {boolean}
     */
    isValid(row: number): boolean;
    /**
     * The value of a row, `null` where there is none. Binary values are views, not copies.
     *
     * @param {number} row From 0 to `length - 1`.
     * @returns {any} Of the type that {@link Type} says.
     */
    get(row: number): any;
    /**
     * The values of all rows.
     *
     * @returns {Value[]}
     */
    toArray(): Value[];
}
/**
 * Calls `take` with each row that has a number, as the double that is nearest to it.
 *
 * @param {Column} column Of `int64` or `float64`.
 * @param {(row: number, value: number) => void} take
 */
export declare function eachNumber(column: Column, take: (row: number, value: number) => void): void;
/**
 * Calls `take` with each row that has a value.
 *
 * @param {Column} column
 * @param {(row: number, value: any) => void} take
 */
export declare function eachValue(column: Column, take: (row: number, value: any) => void): void;
