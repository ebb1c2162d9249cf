/**
 * The records that a transform is given.
 *
 * @module
 */
import type { Column } from "./column.js";
import type { Frame } from "./frame.js";
import type { Type } from "./schema.js";
/** @import { Column } from "./column.js" */
/** @import { Frame } from "./frame.js" */
/** @import { Type } from "./schema.js" */
/** Consecutive records of one input, as columns. Valid until the call returns. */
export declare class Batch {
    /** How many records there are. @readonly */
    rows: number;
    /** The records' event times, in nanoseconds. @type {BigInt64Array} @readonly */
    times: BigInt64Array;
    /** All columns: `time`, then those of the input's schema. @readonly */
    columns: Column[];
    /**
     * @param {Frame} frame Columns: time, then the input's.
     * @param {Type[]} types Those of the input's columns.
     */
    constructor(frame: Frame, types: Type[]);
    /**
     * The column at that index of the input's schema.
     *
     * @param {number} index
     * @returns {Column}
     */
    column(index: number): Column;
}
/** Some records of each input. */
export declare class Inputs {
    #private;
    /** The records of every input, each in the order of the merge. @readonly */
    batches: Batch[];
    /**
     * @param {Frame[]} frames One per input.
     * @param {Uint8Array} order The merge: for each record the input that it comes from. Empty where there is one.
     * @param {Type[][]} types Those of each input's columns.
     */
    constructor(frames: Frame[], order: Uint8Array, types: Type[][]);
    /** The records of the first input, which is the only one for most operators. */
    get first(): Batch;
    /**
     * For each record in merged order, the input that it comes from and its row there.
     *
     * @returns {Generator<[input: number, row: number]>}
     */
    merged(): Generator<[input: number, row: number]>;
}
