/**
 * Columns that grow.
 *
 * @module
 */
import { Column } from "./column.js";
import type { Type, Value } from "./schema.js";
/** A column that grows by a value at a time, or by rows of other columns. */
export declare class ColumnBuilder {
    #private;
    /** @readonly */ type: Type;
    /** How many rows. */
    length: number;
    /** @type {Uint8Array | null} */
    validity: Uint8Array | null;
    /** @type {any} */
    values: any;
    /** @type {Uint8Array | null} */
    bytes: Uint8Array | null;
    /** How many bytes text and binary have so far. */
    used: number;
    /** @param {Type} type */
    constructor(type: Type);
    /**
     * Appends a value.
     *
     * @param {Value} value Of the column's type, or `null`.
     * @throws {TypeError} If it is of another type.
     * @throws {RangeError} If it does not fit into 64 bits.
     */
    push(value: Value): void;
    /**
     * Appends values.
     *
     * @param {Iterable<Value>} values Of the column's type, or `null`.
     * @throws {TypeError | RangeError} As {@link ColumnBuilder.push}.
     */
    extend(values: Iterable<Value>): void;
    /**
     * Appends rows of a column of the same type.
     *
     * @param {Column} column
     * @param {ArrayLike<number>} rows
     */
    take(column: Column, rows: ArrayLike<number>): void;
    /**
     * Appends a whole column of the same type.
     *
     * @param {Column} column
     */
    append(column: Column): void;
    /**
     * The column so far.
     *
     * @returns {Column}
     */
    finish(): Column;
    /**
     * Makes room for so many rows.
     *
     * @param {number} rows
     */
    reserve(rows: number): void;
    /** @param {number} row */
    setNull(row: number): void;
}
/**
 * A column of these values.
 *
 * @param {Type} type
 * @param {Iterable<Value>} values
 * @returns {Column}
 */
export declare function columnOf(type: Type, values: Iterable<Value>): Column;
/**
 * These rows of these columns.
 *
 * @param {Column[]} columns
 * @param {ArrayLike<number>} rows
 * @returns {Column[]}
 */
export declare function takeRows(columns: Column[], rows: ArrayLike<number>): Column[];
/** @param {Type} type */
export declare function isBytes(type: Type): type is "binary" | "utf8";
/**
 * Gives each NaN the same bits.
 *
 * @param {Float64Array} values
 * @param {number} length
 */
export declare function canonicalise(values: Float64Array, length: number): void;
