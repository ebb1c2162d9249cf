/**
 * The records that a transform is given.
 *
 * @module
 */

/** @import { Column } from "./column.js" */
/** @import { Frame } from "./frame.js" */
/** @import { Type } from "./schema.js" */

/** Consecutive records of one input, as columns. Valid until the call returns. */
export class Batch {
    /**
     * @param {Frame} frame Columns: time, then the input's.
     * @param {Type[]} types Those of the input's columns.
     */
    constructor(frame, types) {
        const [time, ...others] = frame.columns;
        const fits = others.length === types.length && others.every((column, index) => column.type === types[index]);
        if (time?.type !== "timestamp" || time.validity !== null || !fits) {
            const found = frame.columns.map((column) => column.type);
            throw new RangeError(`a frame has columns ${found}, expected time without nulls, then ${types}`);
        }
        /** How many records there are. @readonly */
        this.rows = frame.rows;
        /** The records' event times, in nanoseconds. @type {BigInt64Array} @readonly */
        this.times = time.values;
        /** All columns: `time`, then those of the input's schema. @readonly */
        this.columns = frame.columns;
    }

    /**
     * The column at that index of the input's schema.
     *
     * @param {number} index
     * @returns {Column}
     */
    column(index) {
        return this.columns[index + 1];
    }
}

/** Some records of each input. */
export class Inputs {
    #order;

    /**
     * @param {Frame[]} frames One per input.
     * @param {Uint8Array} order The merge: for each record the input that it comes from. Empty where there is one.
     * @param {Type[][]} types Those of each input's columns.
     */
    constructor(frames, order, types) {
        if (frames.length !== types.length) {
            throw new RangeError(`${frames.length} frames came for ${types.length} inputs`);
        }
        this.#order = order;
        /** The records of every input, each in the order of the merge. @readonly */
        this.batches = frames.map((frame, input) => new Batch(frame, types[input]));
        const counted = frames.map(() => 0);
        order.forEach((input) => (counted[input] += 1));
        const fits = this.batches.every((batch, input) => batch.rows === counted[input]) && counted.length === frames.length;
        if (!fits && !(frames.length === 1 && order.length === 0)) {
            throw new RangeError(`order has ${counted} records of the inputs, their frames have ${frames.map((frame) => frame.rows)}`);
        }
    }

    /** The records of the first input, which is the only one for most operators. */
    get first() {
        return this.batches[0];
    }

    /**
     * For each record in merged order, the input that it comes from and its row there.
     *
     * @returns {Generator<[input: number, row: number]>}
     */
    *merged() {
        if (this.#order.length === 0) {
            for (let row = 0; row < this.first.rows; row++) {
                yield [0, row];
            }
            return;
        }
        const next = this.batches.map(() => 0);
        for (const input of this.#order) {
            yield [input, next[input]++];
        }
    }
}
