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
     * @returns {number[]}
     */
    numbers(batch) {
        return this.#numbersOf(this.columns.map((column) => batch.column(column)), batch.rows);
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
        this.#numbersOf(keys, frame.rows).forEach((number, row) => (this.#states[number] = loadState(this.#state, states, row)));
    }

    /**
     * The number of the key in each row.
     *
     * @param {Column[]} columns
     * @param {number} rows
     */
    #numbersOf(columns, rows) {
        return eachKey(columns, rows, (key, row) => this.#numbers.get(key) ?? this.#begin(key, columns, row));
    }

    /**
     * Gives the key in that row a number and a state.
     *
     * @param {string} key
     * @param {Column[]} columns
     * @param {number} row
     */
    #begin(key, columns, row) {
        const number = this.#states.length;
        this.#numbers.set(key, number);
        this.#keys.forEach((builder, index) => builder.take(columns[index], [row]));
        this.#states.push(new this.#state());
        return number;
    }
}

/** Stands for a null: no text that stands for a value has this character. */
const NULL = "\u0100";

/**
 * For each row a text that is equal for equal values of these columns, and for no others. A null equals a null, NaN equals NaN, and 0
 * equals -0. It says nothing else of the values, and outlives the call.
 *
 * @param {Column[]} columns
 * @param {number} rows
 * @returns {string[]}
 */
export function keysOf(columns, rows) {
    return eachKey(columns, rows, (key) => key);
}

/**
 * For each row what `make` makes of its key, which it is asked once for each that is distinct, in the order in which they are first there.
 *
 * @template T
 * @param {Column[]} columns
 * @param {number} rows
 * @param {(key: string, row: number) => T} make
 * @returns {T[]}
 */
function eachKey(columns, rows, make) {
    if (columns.length === 1 && columns[0].bytes !== null) {
        return eachBytes(columns[0], columns[0].bytes, rows, make);
    }
    const keys = columns.length === 1 ? textsOf(columns[0], rows) : joined(columns, rows);
    /** @type {Map<string, T>} */
    const made = new Map();
    return keys.map((key, row) => {
        let one = made.get(key);
        if (one === undefined) {
            one = make(key, row);
            made.set(key, one);
        }
        return one;
    });
}

/**
 * The same for one column of text or binary. Each byte is a character of the key: an engine cuts them many times faster than a script
 * decodes them.
 *
 * @template T
 * @param {Column} column
 * @param {Uint8Array} bytes
 * @param {number} rows
 * @param {(key: string, row: number) => T} make
 * @returns {T[]}
 */
function eachBytes(column, bytes, rows, make) {
    const { values: offsets, validity } = column;
    const first = offsets[0];
    const all = characters(bytes, first, offsets[rows]);
    const each = new Array(rows);
    /** @type {Map<string, T>} */
    const made = new Map();
    for (let row = 0, start = first; row < rows; row++) {
        const end = offsets[row + 1];
        const part = validity === null || column.isValid(row) ? all.substring(start - first, end - first) : NULL;
        let one = made.get(part);
        if (one === undefined) {
            // A part may keep the whole alive for as long as it lives itself.
            const key = part === NULL ? NULL : characters(bytes, start, end);
            one = make(key, row);
            made.set(key, one);
        }
        each[row] = one;
        start = end;
    }
    return each;
}

/**
 * @param {Column[]} columns
 * @param {number} rows
 */
function joined(columns, rows) {
    const keys = new Array(rows).fill("");
    for (const column of columns) {
        textsOf(column, rows).forEach((text, row) => {
            // The length keeps several values apart.
            keys[row] += `${text.length}:${text}`;
        });
    }
    return keys;
}

/**
 * @param {Column} column
 * @param {number} rows
 * @returns {string[]}
 */
function textsOf(column, rows) {
    if (column.bytes !== null) {
        return eachBytes(column, column.bytes, rows, (key) => key);
    }
    const texts = new Array(rows);
    for (let row = 0; row < rows; row++) {
        const value = column.get(row);
        // Adding zero makes -0 a 0.
        texts[row] = value === null ? NULL : String(typeof value === "number" ? value + 0 : value);
    }
    return texts;
}

/** An engine takes only so many arguments. */
const ARGUMENTS = 4096;

/**
 * @param {Uint8Array} bytes
 * @param {number} start
 * @param {number} end
 */
function characters(bytes, start, end) {
    let text = "";
    for (let at = start; at < end; at += ARGUMENTS) {
        text += String.fromCharCode.apply(null, /** @type {any} */ (bytes.subarray(at, Math.min(at + ARGUMENTS, end))));
    }
    return text;
}
