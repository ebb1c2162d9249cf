/**
 * What operators remember, as columns, so that it survives a crash and moves between workers.
 *
 * @module
 */

import { ColumnBuilder } from "./builder.js";
import { TYPES } from "./schema.js";

/** @import { Column } from "./column.js" */
/** @import { Type } from "./schema.js" */

/**
 * The columns of a state: for each, the field that it holds and its type. A `?` behind the type says that the field may be `null`. A
 * field of `int64` that begins as a number stays one, and must be a safe integer; one that begins as a BigInt has all 64 bits.
 *
 * @typedef {Record<string, Type | `${Type}?`>} StateColumns
 */

/**
 * A class whose instances are rows of columns. It is made without arguments, and begins as a new key or slot does.
 *
 * @template S
 * @typedef {{ new (): S, state: StateColumns, name: string }} StateClass
 */

/** @typedef {{ name: string, type: Type, nullable: boolean, isNumber: boolean }} StateField */

/** @type {WeakMap<object, StateField[]>} */
const FIELDS = new WeakMap();

/**
 * The fields of a state, in the order of its columns.
 *
 * @param {StateClass<any>} state
 * @returns {StateField[]}
 * @throws {TypeError} If the class does not say them rightly.
 */
export function stateFields(state) {
    let fields = FIELDS.get(state);
    if (fields === undefined) {
        if (state.state === undefined) {
            throw new TypeError(`class ${state.name} has no \`static state\` that says which of its fields are remembered`);
        }
        const empty = new state();
        fields = Object.entries(state.state).map(([name, said]) => fieldOf(state.name, empty, name, said));
        FIELDS.set(state, fields);
    }
    return fields;
}

/**
 * @param {string} of
 * @param {any} empty
 * @param {string} name
 * @param {string} said
 * @returns {StateField}
 */
function fieldOf(of, empty, name, said) {
    const nullable = said.endsWith("?");
    const type = /** @type {Type} */ (nullable ? said.slice(0, -1) : said);
    if (!TYPES.includes(type)) {
        throw new TypeError(`class ${of}: state ${name} is of type ${said}; types are ${TYPES.join(", ")}, each with ? where it may be null`);
    }
    if (!(name in empty)) {
        throw new TypeError(`class ${of} has no field ${name}, which its state names`);
    }
    return { name, type, nullable, isNumber: type === "int64" && typeof empty[name] === "number" };
}

/**
 * Lays out states as columns, one row each.
 *
 * @param {StateClass<any>} state
 * @param {any[]} states
 * @returns {Column[]}
 */
export function saveStates(state, states) {
    return stateFields(state).map((field) => {
        const builder = new ColumnBuilder(field.type);
        states.forEach((one) => builder.push(toColumn(state.name, field, one[field.name])));
        return builder.finish();
    });
}

/**
 * @param {string} of
 * @param {StateField} field
 * @param {any} value
 */
function toColumn(of, field, value) {
    if (value === null && !field.nullable) {
        throw new TypeError(`${of}.${field.name} is null, and its state does not say ${field.type}?`);
    }
    if (field.isNumber && value !== null) {
        if (!Number.isSafeInteger(value)) {
            throw new RangeError(`${of}.${field.name} is ${value}, and no longer a safe integer; begin it as 0n`);
        }
        return BigInt(value);
    }
    return value;
}

/**
 * Whether these are the columns that {@link saveStates} makes.
 *
 * @param {StateClass<any>} state
 * @param {Column[]} columns
 */
export function fitsState(state, columns) {
    const fields = stateFields(state);
    return columns.length === fields.length && fields.every((field, index) => columns[index].type === field.type);
}

/**
 * The error for columns that no version wrote that is read.
 *
 * @param {StateClass<any>} state
 * @param {Column[]} columns
 */
export function unfit(state, columns) {
    const expected = stateFields(state).map((field) => field.type);
    return new TypeError(`saved state has columns ${columns.map((column) => column.type)}, expected ${expected}`);
}

/**
 * Reads a row.
 *
 * @template S
 * @param {StateClass<S>} state
 * @param {Column[]} columns Those that {@link fitsState} takes.
 * @param {number} row
 * @returns {S}
 */
export function loadState(state, columns, row) {
    /** @type {any} */
    const loaded = new state();
    stateFields(state).forEach((field, index) => {
        const value = columns[index].get(row);
        if (value === null && !field.nullable) {
            throw new TypeError(`saved state has no ${field.name}`);
        }
        if (value instanceof Uint8Array) {
            loaded[field.name] = value.slice();
        } else {
            loaded[field.name] = field.isNumber && value !== null ? exactly(field.name, value) : value;
        }
    });
    return loaded;
}

/**
 * @param {string} name
 * @param {bigint} value
 */
function exactly(name, value) {
    const number = Number(value);
    if (!Number.isSafeInteger(number)) {
        throw new RangeError(`saved ${name} is ${value}, which no number tells exactly; begin it as 0n`);
    }
    return number;
}
