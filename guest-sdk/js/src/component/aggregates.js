/**
 * Aggregates behind frames: what the world `aggregate` calls.
 *
 * @module
 */

import { encodeFrame, Frame } from "../frame.js";
import { readArguments } from "../parameter.js";
import { Refusal } from "../refusal.js";
import { findOperator } from "./component.js";

/** @import { Column } from "../column.js" */
/** @import { Accumulator } from "../fold.js" */
/** @import { Lookback, Schema, Type } from "../schema.js" */
/** @import { Component } from "./component.js" */

/** @typedef {{ name: string, value: string }[]} GivenArguments */

/** Slots are below this; a greater one is a mistake of the host that would otherwise ask for all memory. */
const SLOTS = 1 << 26;

/** A bound aggregate that takes frames. */
export class AggregateInstance {
    /** @type {Accumulator} */
    #accumulator;
    /** @type {Type[]} */
    #types;

    /**
     * Binds the operator of that name.
     *
     * @param {Component} component
     * @param {string} operator
     * @param {GivenArguments} given
     * @param {Schema} schema
     */
    constructor(component, operator, given, schema) {
        const found = findOperator(component, operator);
        const bound = found.bind(argumentsOf(found, given), schema);
        this.#accumulator = bound.accumulator;
        this.#types = bound.columns.map((/** @type {number} */ column) => schema[column].type);
        /** What binding says. @type {{ result: Type, columns: number[], lookback: Lookback }} @readonly */
        this.binding = { result: bound.result, columns: bound.columns, lookback: bound.lookback };
    }

    /**
     * Folds rows into slots. Columns: slot, time, then the bound ones. The same for the others as the world says.
     *
     * @param {Uint8Array} bytes
     */
    update(bytes) {
        const { slots, times, columns } = this.#rows(Frame.view(bytes));
        this.#accumulator.update(slots, times, columns);
    }

    /**
     * @param {Uint8Array} bytes
     * @returns {Uint8Array} One column: the result after each row.
     */
    scan(bytes) {
        const { slots, times, columns } = this.#rows(Frame.view(bytes));
        return encodeFrame(slots.length, [this.#accumulator.scan(slots, times, columns)]);
    }

    /** @param {Uint8Array} bytes Columns: into, from. */
    combine(bytes) {
        const { columns } = Frame.view(bytes);
        this.#accumulator.combine(slotsOf(columns, 0), slotsOf(columns, 1));
    }

    /**
     * @param {Uint8Array} bytes Column: slot.
     * @returns {Uint8Array} One row per slot.
     */
    state(bytes) {
        const slots = slotsOf(Frame.view(bytes).columns, 0);
        return encodeFrame(slots.length, this.#accumulator.state(slots));
    }

    /** @param {Uint8Array} bytes Columns: slot, then the state's. */
    merge(bytes) {
        const { columns } = Frame.parse(bytes);
        this.#accumulator.merge(slotsOf(columns, 0), columns.slice(1));
    }

    /**
     * @param {Uint8Array} bytes Column: slot.
     * @returns {Uint8Array} One column.
     */
    finish(bytes) {
        const slots = slotsOf(Frame.view(bytes).columns, 0);
        return encodeFrame(slots.length, [this.#accumulator.finish(slots)]);
    }

    /** @param {Uint8Array} bytes Column: slot. */
    clear(bytes) {
        this.#accumulator.clear(slotsOf(Frame.view(bytes).columns, 0));
    }

    /** @param {Frame} frame */
    #rows({ columns }) {
        const [, time, ...bound] = columns;
        if (time?.type !== "timestamp" || time.validity !== null) {
            throw new RangeError("column 1 of the frame must be time, without nulls");
        }
        const found = bound.map((column) => column.type);
        if (String(found) !== String(this.#types)) {
            throw new RangeError(`the frame has columns ${found}, bound were ${this.#types}`);
        }
        return { slots: slotsOf(columns, 0), times: /** @type {BigInt64Array} */ (time.values), columns: bound };
    }
}

/**
 * Reads arguments and says whose they were if that fails.
 *
 * @param {any} operator
 * @param {GivenArguments} given
 */
export function argumentsOf(operator, given) {
    try {
        return readArguments(operator.parameters, given);
    } catch (error) {
        throw error instanceof Refusal ? new Refusal(`${operator.about.name}: ${error.message}`) : error;
    }
}

/**
 * The slots in that column of a frame.
 *
 * @param {Column[]} columns
 * @param {number} index
 * @returns {Uint32Array}
 */
function slotsOf(columns, index) {
    const column = columns[index];
    if (column?.type !== "int64" || column.validity !== null) {
        throw new RangeError(`column ${index} of the frame must be slots: int64 without nulls`);
    }
    const { values, length } = column;
    const halves = new Uint32Array(values.buffer, values.byteOffset, 2 * length);
    const slots = new Uint32Array(length);
    for (let row = 0; row < length; row++) {
        const slot = halves[2 * row];
        if (slot >= SLOTS || halves[2 * row + 1] !== 0) {
            throw new RangeError(`a slot is not from 0 to ${SLOTS - 1}`);
        }
        slots[row] = slot;
    }
    return slots;
}
