/**
 * Records in tests.
 *
 * @module
 */
import type { Column } from "../column.js";
import type { Frame } from "../frame.js";
import type { Schema, Type, Value } from "../schema.js";
/** @import { Column } from "../column.js" */
/** @import { Frame } from "../frame.js" */
/** @import { Schema, Type, Value } from "../schema.js" */
/** A second, in the nanoseconds that event times are in. */
export declare const SECOND = 1000000000n;
/** Some records of one stream, in the order of its log. */
export declare class Records {
    #private;
    /** The columns' names and types. @readonly */
    schema: Schema;
    /** @param {Schema} schema */
    constructor(schema: Schema);
    /**
     * Records of these columns: each the time in nanoseconds, then a value for every column.
     *
     * @param {Record<string, Type>} columns
     * @param {[time: bigint, ...values: Value[]][]} records
     * @returns {Records}
     */
    static of(columns: Record<string, Type>, records: [time: bigint, ...values: Value[]][]): Records;
    /**
     * Values at 0 s, 1 s, 2 s, ... in a column called `value`.
     *
     * @param {Iterable<Value>} values
     * @param {Type} [type]
     * @returns {Records}
     */
    static eachSecond(values: Iterable<Value>, type?: Type): Records;
    /**
     * Appends a record.
     *
     * @param {bigint} time In nanoseconds since the epoch.
     * @param {Value[]} values
     */
    push(time: bigint, ...values: Value[]): void;
    /** How many there are. */
    get rows(): number;
    /** The event times in nanoseconds. @returns {bigint[]} */
    get times(): bigint[];
    /** The columns: `time`, then the schema's. @returns {Column[]} */
    get columns(): Column[];
    /**
     * The values of the column of that name.
     *
     * @param {string} name
     * @returns {any[]}
     */
    values(name: string): any[];
    /**
     * One object per record: its time and its values by name.
     *
     * @returns {Record<string, any>[]}
     */
    toObjects(): Record<string, any>[];
    /**
     * Some rows as a frame.
     *
     * @param {number[]} rows
     * @returns {Uint8Array}
     */
    frame(rows: number[]): Uint8Array;
    /**
     * Appends the records of an output's frame.
     *
     * @param {Frame} frame
     */
    append(frame: Frame): void;
}
