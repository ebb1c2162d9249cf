/**
 * The records that a transform gives.
 *
 * @module
 */

import { ColumnBuilder } from "./builder.js";
import { encodeFrame } from "./frame.js";

/** @import { Column } from "./column.js" */
/** @import { Batch } from "./inputs.js" */
/** @import { Schema, Type, Value } from "./schema.js" */

/** Records that one call should not exceed by much, and so the bytes of text and binary together: the host limits an output. */
const ROWS = 8192;
const BYTES = 4 << 20;

/** What a call emitted: a frame (`time`, then the opened schema's columns), the hold, and whether there is more.
 *
 * @typedef {{ frame: Uint8Array, hold: bigint | null, more: boolean }} Emitted
 */

/** Records to emit, and what is to be said of those that are not emitted yet. */
export class Output {
    #types;
    /** What is emitted, as long as that is nothing, or one append. @type {Column[] | null} */
    #whole = null;
    /** What is emitted, from then on. @type {ColumnBuilder[] | null} */
    #columns = null;
    /** @type {bigint | null} */
    #hold = null;
    #more = false;

    /** @param {Schema} schema */
    constructor(schema) {
        /** @type {Type[]} */
        this.#types = ["timestamp", ...schema.map((field) => field.type)];
    }

    /** How many records there are. */
    get rows() {
        return (this.#columns ?? this.#whole)?.[0].length ?? 0;
    }

    /**
     * Whether this is as much as one call should emit. An operator that may go far beyond its input asks, stops, and says that there
     * is {@link Output.more}.
     */
    get isFull() {
        return this.rows >= ROWS || this.#builders().reduce((sum, column) => sum + column.used, 0) >= BYTES;
    }

    /**
     * Emits one record.
     *
     * @param {bigint} time In nanoseconds since the epoch.
     * @param {Value[]} values One for every column of the opened schema, of its type or `null`.
     * @throws {TypeError} If they are not that.
     */
    push(time, ...values) {
        const columns = this.#builders();
        if (values.length !== columns.length - 1) {
            throw new TypeError(`a record has ${columns.length - 1} values besides its time, ${values.length} were given`);
        }
        for (let index = 0; index < values.length; index++) {
            columns[index + 1].push(values[index]);
        }
        columns[0].push(time);
    }

    /**
     * Emits these rows of a batch as they are.
     *
     * @param {Batch} batch With the output's columns.
     * @param {ArrayLike<number>} rows
     */
    take(batch, rows) {
        this.#check(batch.columns);
        this.#builders().forEach((builder, index) => builder.take(batch.columns[index], rows));
    }

    /**
     * Emits whole columns: `time`, then those of the opened schema.
     *
     * @param {Column[]} columns Of one length.
     */
    append(columns) {
        this.#check(columns);
        if (columns.some((column) => column.length !== columns[0].length)) {
            throw new TypeError(`columns of ${columns.map((column) => column.length)} rows were given; they have one length`);
        }
        if (this.#columns === null && this.#whole === null) {
            this.#whole = columns;
        } else {
            this.#builders().forEach((builder, index) => builder.append(columns[index]));
        }
    }

    /**
     * Says that records from `time` on may still be emitted though the input's frontier passes it. It must never go back.
     *
     * @param {bigint} time In nanoseconds since the epoch.
     */
    hold(time) {
        if (typeof time !== "bigint") {
            throw new TypeError(`a hold is a bigint of nanoseconds, found ${String(time)} (${typeof time})`);
        }
        this.#hold = time;
    }

    /** Says that there is more to emit for the same input: `advance` will be called again. */
    more() {
        this.#more = true;
    }

    /**
     * As what the world asks for.
     *
     * @param {Uint8Array} empty The frame for no records.
     * @returns {Emitted}
     */
    finish(empty) {
        const { rows } = this;
        const columns = this.#columns?.map((column) => column.finish()) ?? this.#whole ?? [];
        return { frame: rows === 0 ? empty : encodeFrame(rows, columns), hold: this.#hold, more: this.#more };
    }

    #builders() {
        if (this.#columns === null) {
            this.#columns = this.#types.map((type) => new ColumnBuilder(type));
            const whole = this.#whole;
            if (whole !== null) {
                this.#columns.forEach((builder, index) => builder.append(whole[index]));
            }
        }
        return this.#columns;
    }

    /** @param {Column[]} columns */
    #check(columns) {
        const types = this.#types;
        if (columns.length !== types.length || columns.some((column, index) => column.type !== types[index])) {
            throw new TypeError(`the output has columns ${types}, ${columns.map((column) => column.type)} were given`);
        }
    }
}
