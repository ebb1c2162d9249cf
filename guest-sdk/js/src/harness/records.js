/**
 * Records in tests.
 *
 * @module
 */

import { ColumnBuilder, takeRows } from "../builder.js";
import { encodeFrame } from "../frame.js";
import { findColumn } from "../schema.js";

/** @import { Column } from "../column.js" */
/** @import { Frame } from "../frame.js" */
/** @import { Schema, Type, Value } from "../schema.js" */

/** A second, in the nanoseconds that event times are in. */
export const SECOND = 1_000_000_000n;

/** Some records of one stream, in the order of its log. */
export class Records {
    #columns;

    /** @param {Schema} schema */
    constructor(schema) {
        /** The columns' names and types. @readonly */
        this.schema = schema;
        /** @type {Type[]} */
        const types = ["timestamp", ...schema.map((field) => field.type)];
        this.#columns = types.map((type) => new ColumnBuilder(type));
    }

    /**
     * Records of these columns: each the time in nanoseconds, then a value for every column.
     *
     * @param {Record<string, Type>} columns
     * @param {[time: bigint, ...values: Value[]][]} records
     * @returns {Records}
     */
    static of(columns, records) {
        const made = new Records(Object.entries(columns).map(([name, type]) => ({ name, type })));
        records.forEach(([time, ...values]) => made.push(time, ...values));
        return made;
    }

    /**
     * Values at 0 s, 1 s, 2 s, ... in a column called `value`.
     *
     * @param {Iterable<Value>} values
     * @param {Type} [type]
     * @returns {Records}
     */
    static eachSecond(values, type = "float64") {
        return Records.of({ value: type }, Array.from(values, (value, second) => [BigInt(second) * SECOND, value]));
    }

    /**
     * Appends a record.
     *
     * @param {bigint} time In nanoseconds since the epoch.
     * @param {Value[]} values
     */
    push(time, ...values) {
        if (values.length !== this.schema.length) {
            throw new TypeError(`a record has ${this.schema.length} values besides its time, ${values.length} were given`);
        }
        [time, ...values].forEach((value, index) => this.#columns[index].push(value));
    }

    /** How many there are. */
    get rows() {
        return this.#columns[0].length;
    }

    /** The event times in nanoseconds. @returns {bigint[]} */
    get times() {
        return Array.from(this.columns[0].values);
    }

    /** The columns: `time`, then the schema's. @returns {Column[]} */
    get columns() {
        return this.#columns.map((builder) => builder.finish());
    }

    /**
     * The values of the column of that name.
     *
     * @param {string} name
     * @returns {any[]}
     */
    values(name) {
        return this.columns[findColumn(this.schema, name) + 1].toArray();
    }

    /**
     * One object per record: its time and its values by name.
     *
     * @returns {Record<string, any>[]}
     */
    toObjects() {
        const names = ["time", ...this.schema.map((field) => field.name)];
        const columns = this.columns;
        return Array.from({ length: this.rows }, (_, row) => Object.fromEntries(names.map((name, index) => [name, columns[index].get(row)])));
    }

    /**
     * Some rows as a frame.
     *
     * @param {number[]} rows
     * @returns {Uint8Array}
     */
    frame(rows) {
        return encodeFrame(rows.length, takeRows(this.columns, rows));
    }

    /**
     * Appends the records of an output's frame.
     *
     * @param {Frame} frame
     */
    append(frame) {
        const own = this.#columns.map((builder) => builder.type);
        const found = frame.columns.map((column) => column.type);
        if (String(own) !== String(found)) {
            throw new TypeError(`an output frame has columns ${found}, expected time and the opened schema's: ${own}`);
        }
        this.#columns.forEach((builder, index) => builder.append(frame.columns[index]));
    }
}
