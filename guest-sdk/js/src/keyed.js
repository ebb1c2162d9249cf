/**
 * Keys: what records have in common that belong together.
 *
 * @module
 */

import { ColumnBuilder } from "./builder.js";
import { encodeFrame, Frame } from "./frame.js";
import { findColumn } from "./schema.js";
import { fitsState, loadState, saveStates, unfit } from "./state.js";

/** @import { Column } from "./column.js" */
/** @import { Batch } from "./inputs.js" */
/** @import { Field, Schema, Value } from "./schema.js" */
/** @import { StateClass } from "./state.js" */

/**
 * A state per key, for transforms with a `by=`. Keys are numbered as they are first seen.
 *
 * @template S
 */
export class Keyed {
    #state;
    /** @type {Map<string, number>} */
    #numbers = new Map();
    /** Row `n` is key `n`. @type {ColumnBuilder[]} */
    #keys;
    /** @type {S[]} */
    #states = [];

    /**
     * @param {string[] | null} names Of the key columns; without any, all records have the same key.
     * @param {Schema} schema Of the input.
     * @param {StateClass<S>} state
     */
    constructor(names, schema, state) {
        /** The key columns, by index in the input's schema. @readonly */
        this.columns = (names ?? []).map((name) => findColumn(schema, name));
        /** Their names and types. @type {Field[]} @readonly */
        this.fields = this.columns.map((column) => schema[column]);
        this.#state = state;
        this.#keys = this.fields.map((field) => new ColumnBuilder(field.type));
    }

    /** How many keys there are. */
    get size() {
        return this.#states.length;
    }

    /**
     * The number of each record's key. Those that are new have states of their own by now.
     *
     * @param {Batch} batch
     * @returns {Uint32Array}
     */
    numbers(batch) {
        const columns = this.columns.map((column) => batch.column(column));
        const numbers = new Uint32Array(batch.rows);
        for (let row = 0; row < batch.rows; row++) {
            numbers[row] = this.#number(columns, row);
        }
        return numbers;
    }

    /**
     * The state of the key with that number.
     *
     * @param {number} number
     * @returns {S}
     */
    state(number) {
        return this.#states[number];
    }

    /**
     * Keys and states, for a snapshot.
     *
     * @returns {Uint8Array}
     */
    save() {
        const keys = this.#keys.map((builder) => builder.finish());
        return encodeFrame(this.size, [...keys, ...saveStates(this.#state, this.#states)]);
    }

    /**
     * Reads what {@link Keyed.save} wrote.
     *
     * @param {Uint8Array} saved
     */
    load(saved) {
        const frame = Frame.parse(saved);
        const keys = frame.columns.slice(0, this.fields.length);
        const states = frame.columns.slice(this.fields.length);
        if (!this.fields.every((field, index) => keys[index]?.type === field.type)) {
            throw new TypeError(`saved keys have columns ${keys.map((key) => key.type)}, expected ${this.fields.map((field) => field.type)}`);
        }
        if (!fitsState(this.#state, states)) {
            throw unfit(this.#state, states);
        }
        for (let row = 0; row < frame.rows; row++) {
            const number = this.#number(keys, row);
            this.#states[number] = loadState(this.#state, states, row);
        }
    }

    /**
     * The number of the key in that row.
     *
     * @param {Column[]} columns
     * @param {number} row
     */
    #number(columns, row) {
        const key = keyOf(columns, row);
        let number = this.#numbers.get(key);
        if (number === undefined) {
            number = this.#states.length;
            this.#numbers.set(key, number);
            this.#keys.forEach((builder, index) => builder.take(columns[index], [row]));
            this.#states.push(new this.#state());
        }
        return number;
    }
}

/**
 * Text that is equal for equal values of these columns, and for no others. A null equals a null, NaN equals NaN, and 0 equals -0.
 *
 * @param {Column[]} columns
 * @param {number} row
 * @returns {string}
 */
export function keyOf(columns, row) {
    if (columns.length === 1) {
        return keyText(columns[0].get(row));
    }
    let key = "";
    for (const column of columns) {
        const part = keyText(column.get(row));
        // The length keeps several values apart.
        key += `${part.length}:${part}`;
    }
    return key;
}

/**
 * @param {Value} value
 * @returns {string}
 */
function keyText(value) {
    switch (typeof value) {
        case "string":
            return `=${value}`;
        case "object":
            return value === null ? "" : `=${String.fromCharCode(...value)}`;
        case "number":
            return `=${value + 0}`;
        default:
            return `=${value}`;
    }
}
