/**
 * The records that a transform gives.
 *
 * @module
 */
import type { Column } from "./column.js";
import type { Batch } from "./inputs.js";
import type { Schema, Value } from "./schema.js";
export type Emitted = {
    frame: Uint8Array;
    hold: bigint | null;
    more: boolean;
};
/** What a call emitted: a frame (`time`, then the opened schema's columns), the hold, and whether there is more.
 *
 * @typedef {{ frame: Uint8Array, hold: bigint | null, more: boolean }} Emitted
 */
/** Records to emit, and what is to be said of those that are not emitted yet. */
export declare class Output {
    #private;
    /** @param {Schema} schema */
    constructor(schema: Schema);
    /** How many records there are. */
    get rows(): number;
    /**
     * Whether this is as much as one call should emit. An operator that may go far beyond its input asks, stops, and says that there
     * is {@link Output.more}.
     */
    get isFull(): boolean;
    /**
     * Emits one record.
     *
     * @param {bigint} time In nanoseconds since the epoch.
     * @param {Value[]} values One for every column of the opened schema, of its type or `null`.
     * @throws {TypeError} If they are not that.
     */
    push(time: bigint, ...values: Value[]): void;
    /**
     * Emits these rows of a batch as they are.
     *
     * @param {Batch} batch With the output's columns.
     * @param {ArrayLike<number>} rows
     */
    take(batch: Batch, rows: ArrayLike<number>): void;
    /**
     * Emits whole columns: `time`, then those of the opened schema.
     *
     * @param {Column[]} columns Of one length.
     */
    append(columns: Column[]): void;
    /**
     * Says that records from `time` on may still be emitted though the input's frontier passes it. It must never go back.
     *
     * @param {bigint} time In nanoseconds since the epoch.
     */
    hold(time: bigint): void;
    /** Says that there is more to emit for the same input: `advance` will be called again. */
    more(): void;
    /**
     * As what the world asks for.
     *
     * @param {Uint8Array} empty The frame for no records.
     * @returns {Emitted}
     */
    finish(empty: Uint8Array): Emitted;
}
