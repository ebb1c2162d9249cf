/**
 * Aggregates: anything that folds. The host owns keys, windows, panes and lateness; an operator folds columns into numbered slots.
 *
 * @module
 */

import { parameter } from "./parameter.js";
import { Refusal } from "./refusal.js";
import { findColumn, isNumeric } from "./schema.js";
import { Slots } from "./slots.js";

/** @import { Column } from "./column.js" */
/** @import { Lookback, Schema, Type } from "./schema.js" */
/** @import { StateClass, StateColumns } from "./state.js" */
/** @import { Parameter } from "./parameter.js" */

/**
 * How people find an operator and call it.
 *
 * @typedef {object} About
 * @property {string} name The name that expressions use.
 * @property {string} doc One sentence.
 * @property {string} example An expression that uses it, such as `avg(cpu_util, 5min)`.
 */

/**
 * Folds columns into numbered slots. Slots are small numbers that the host chooses; one that was never seen, or was cleared, is
 * empty. Rows come in log order. Splitting the same rows into other batches must not change any result. Columns are valid until the
 * call returns.
 *
 * @typedef {object} Accumulator
 * @property {(slots: Uint32Array, times: BigInt64Array, columns: Column[]) => void} update Folds rows into slots.
 * @property {(slots: Uint32Array, times: BigInt64Array, columns: Column[]) => Column} scan Like `update`, and returns each row's result
 *     after it.
 * @property {(into: Uint32Array, from: Uint32Array) => void} combine Folds slot `from` into slot `into`, row by row, and leaves `from`.
 * @property {(slots: Uint32Array) => Column[]} state The state of these slots, one row each.
 * @property {(slots: Uint32Array, columns: Column[]) => void} merge Folds saved states into slots.
 * @property {(slots: Uint32Array) => Column} finish The results of these slots, which it does not consume; `null` where there is none.
 * @property {(slots: Uint32Array) => void} clear Forgets these slots.
 */

/**
 * A bound aggregate: the result's type, the input's columns that the accumulator wants (indexes in its schema), how much earlier
 * than a window its causes may lie, and what folds.
 *
 * @typedef {{ result: Type, columns: number[], lookback: Lookback, accumulator: Accumulator }} Bound
 */

/**
 * What a fold takes: `number` (of `int64` the nearest double), the values of one type of column, or `any`: that there is a value.
 *
 * @typedef {"number" | "any" | Type} Taken
 */

/** An aggregate that chooses, by its arguments and the input's columns, what folds. Most are a {@link Fold}. */
export class Aggregate {
    /** How people find it and call it. @type {About} */
    static about;
    /** What it takes besides its input; the window's parameters belong to the host. @type {Record<string, Parameter<any>>} */
    static parameters = {};
    /** The version of the state that it writes. */
    static stateWritten = 1;
    /** The versions of the state that it reads. @type {number[]} */
    static stateRead = [1];

    /**
     * Chooses.
     *
     * @param {any} args The values of {@link Aggregate.parameters}.
     * @param {Schema} schema Of the input.
     * @returns {Bound}
     * @throws {Refusal} If the input has not the columns that the arguments ask for, or not of a type that it folds.
     */
    static bind(args, schema) {
        void args, schema;
        throw new TypeError(`class ${this.name} has no static bind`);
    }
}

/**
 * What one slot holds, and how it takes one value after another. Nulls do not get here. It is made without arguments.
 *
 * @example
 * class Rms extends Fold {
 *     static about = { name: "rms", doc: "The root mean square.", example: "rms(voltage, 1s)" };
 *     static state = { squares: "float64", count: "int64" };
 *     squares = 0;
 *     count = 0;
 *     update(value) {
 *         this.squares += value * value;
 *         this.count += 1;
 *     }
 *     combine(later) {
 *         this.squares += later.squares;
 *         this.count += later.count;
 *     }
 *     result() {
 *         return this.count > 0 ? Math.sqrt(this.squares / this.count) : null;
 *     }
 * }
 */
export class Fold extends Aggregate {
    /** The column to fold: `of=`, by default `value`. @type {Record<string, Parameter<any>>} */
    static parameters = { of: parameter.column({ doc: "The column to fold.", default: "value" }) };
    /** What it takes. @type {Taken} */
    static value = "number";
    /** The result's type. @type {Type} */
    static result = "float64";
    /** The fields that are remembered. Never changed without a new {@link Aggregate.stateWritten}. @type {StateColumns} */
    static state;

    /**
     * Folds the column that `of` names.
     *
     * @param {any} args
     * @param {Schema} schema
     * @returns {Bound}
     */
    static bind(args, schema) {
        return foldColumn(/** @type {any} */ (this), schema, args.of);
    }

    /**
     * Reads a row of a state whose columns are not {@link Fold.state}, for an earlier version wrote them.
     *
     * @param {Column[]} columns
     * @param {number} row
     * @returns {Fold | undefined} Nothing if no version in {@link Aggregate.stateRead} wrote such columns.
     */
    static loadEarlier(columns, row) {
        void columns, row;
        return undefined;
    }

    /**
     * Takes the next value.
     *
     * @param {any} value As {@link Fold.value} says. Binary values are views, valid until the call returns.
     * @param {bigint} time The record's event time, in nanoseconds since the epoch. Only where `update` declares it as its second parameter.
     * @throws Stops the computation: only for what the user must know, such as an overflow.
     */
    update(value, time) {
        void value, time;
        throw new TypeError(`class ${this.constructor.name} has no update`);
    }

    /**
     * Takes what a slot holds whose values come after this one's, and leaves it as it is.
     *
     * @param {any} later Of the same class.
     */
    combine(later) {
        void later;
        throw new TypeError(`class ${this.constructor.name} has no combine`);
    }

    /**
     * The result so far, of the type that {@link Fold.result} says.
     *
     * @returns {any} `null` where there is none.
     */
    result() {
        throw new TypeError(`class ${this.constructor.name} has no result`);
    }
}

/**
 * A class of folds.
 *
 * @typedef {StateClass<Fold> & typeof Fold} FoldClass
 */

/**
 * Folds the column of that name.
 *
 * @param {FoldClass} fold
 * @param {Schema} schema
 * @param {string} name
 * @returns {Bound}
 * @throws {Refusal} If there is no such column, or the fold does not take its type.
 */
export function foldColumn(fold, schema, name) {
    if (schema.every((field) => field.name !== name)) {
        const meant = schema.find((field) => isNumeric(field.type)) ?? schema[0];
        const names = schema.map((field) => `\`${field.name}\``).join(", ") || "none";
        const hint = `name the column to fold with of=, such as of=${meant?.name ?? "COLUMN"}`;
        throw new Refusal(`there is no column \`${name}\`; the input has ${names}; ${hint}`);
    }
    const index = findColumn(schema, name);
    const { type } = schema[index];
    if (!accepts(fold.value, type)) {
        throw new Refusal(`column \`${name}\` is ${type}, expected ${NAMES[fold.value]}`);
    }
    return { result: fold.result, columns: [index], lookback: "none", accumulator: new Slots(fold) };
}

/**
 * Folds whole records, whatever they hold. The fold takes `any`.
 *
 * @param {FoldClass} fold
 * @returns {Bound}
 */
export function foldRows(fold) {
    return { result: fold.result, columns: [], lookback: "none", accumulator: new Slots(fold) };
}

/** What people call what a fold takes, in errors. @type {Record<Taken, string>} */
const NAMES = {
    number: "a number",
    any: "any value",
    boolean: "a boolean",
    int64: "an integer",
    float64: "a float64",
    utf8: "text",
    binary: "binary",
    timestamp: "a timestamp",
};

/**
 * @param {Taken} taken
 * @param {Type} type
 */
function accepts(taken, type) {
    return taken === "any" || taken === type || (taken === "number" && isNumeric(type));
}
