/**
 * Keys: what records have in common that belong together.
 *
 * @module
 */
import type { Column } from "./column.js";
import type { Batch } from "./inputs.js";
import type { Field, Schema } from "./schema.js";
import type { StateClass } from "./state.js";
/** @import { Column } from "./column.js" */
/** @import { Batch } from "./inputs.js" */
/** @import { Field, Schema, Value } from "./schema.js" */
/** @import { StateClass } from "./state.js" */
/**
 * A state per key, for transforms with a `by=`. Keys are numbered as they are first seen.
 *
 * @template S
 */
export declare class Keyed<S> {
    #private;
    /** The key columns, by index in the input's schema. @readonly */
    columns: number[];
    /** Their names and types. @type {Field[]} @readonly */
    fields: Field[];
    /**
     * @param {string[] | null} names Of the key columns; without any, all records have the same key.
     * @param {Schema} schema Of the input.
     * @param {StateClass<S>} state
     */
    constructor(names: string[] | null, schema: Schema, state: StateClass<S>);
    /** How many keys there are. */
    get size(): number;
    /**
     * The number of each record's key. Those that are new have states of their own by now.
     *
     * @param {Batch} batch
     * @returns {number[]}
     */
    numbers(batch: Batch): number[];
    /**
     * The state of the key with that number.
     *
     * @param {number} number
     * @returns {S}
     */
    state(number: number): S;
    /**
     * Keys and states, for a snapshot.
     *
     * @returns {Uint8Array}
     */
    save(): Uint8Array;
    /**
     * Reads what {@link Keyed.save} wrote.
     *
     * @param {Uint8Array} saved
     */
    load(saved: Uint8Array): void;
}
/**
 * For each row a text that is equal for equal values of these columns, and for no others. A null equals a null, NaN equals NaN, and 0
 * equals -0. It says nothing else of the values, and outlives the call.
 *
 * @param {Column[]} columns
 * @param {number} rows
 * @returns {string[]}
 */
export declare function keysOf(columns: Column[], rows: number): string[];
