/**
 * What operators take besides their inputs: parameters, and arguments read from canonical text.
 *
 * @module
 */

import { Refusal } from "./refusal.js";

/**
 * What a parameter's argument may be, as `dag operators` shows it.
 *
 * @typedef {"duration" | "integer" | "number" | "text" | "boolean" | "column" | "columns" | "scalar" | "predicate" | "projection"
 *     | "match"} ParameterKind
 */

/**
 * What is said of a parameter. It must be given unless it has a `default` (canonical text) or is `optional`.
 *
 * @typedef {object} ParameterOptions
 * @property {string} [doc] One sentence.
 * @property {boolean} [positional] It may be given without its name.
 * @property {boolean} [optional] It may be left out; its value is `null` then.
 * @property {boolean} [repeated] It takes all positional arguments that remain, at least one.
 * @property {string} [default] Canonical text of the value when it is not given.
 */

/**
 * The value of a parameter with such options.
 *
 * @template T
 * @template O
 * @typedef {O extends { repeated: true } ? T[] : O extends { optional: true } ? T | null : T} Given
 */

/**
 * The values of these parameters.
 *
 * @template {Record<string, Parameter<any>>} P
 * @typedef {{ [K in keyof P]: P[K] extends Parameter<infer T> ? T : never }} Arguments
 */

/**
 * A parameter whose argument is read as `T`.
 *
 * @template T
 */
export class Parameter {
    /**
     * @param {ParameterKind} kind
     * @param {(text: string) => any} read Reads canonical text, or throws a {@link Refusal}.
     * @param {ParameterOptions} options
     */
    constructor(kind, read, options) {
        /** @readonly */ this.kind = kind;
        /** @readonly */ this.options = options;
        this.#read = read;
    }

    /** @type {(text: string) => any} */
    #read;

    /** Whether it must be given. */
    get isRequired() {
        return this.options.default === undefined && !this.options.optional;
    }

    /**
     * Reads the canonical texts that were given.
     *
     * @param {string[]} given
     * @returns {T}
     */
    read(given) {
        const { optional, repeated, default: text } = this.options;
        const texts = given.length === 0 && text !== undefined ? [text] : given;
        if (repeated) {
            if (texts.length === 0) {
                throw new Refusal("at least one is needed");
            }
            return /** @type {T} */ (texts.map(this.#read));
        }
        if (texts.length === 0 && optional) {
            return /** @type {T} */ (null);
        }
        if (texts.length !== 1) {
            throw new Refusal(`one argument is expected, ${texts.length} were given`);
        }
        return this.#read(texts[0]);
    }
}

/**
 * @template T
 * @param {ParameterKind} kind
 * @param {(text: string) => T} read
 */
function maker(kind, read) {
    /**
     * @template {ParameterOptions} const O
     * @param {O} options
     * @returns {Parameter<Given<T, O>>}
     */
    return (options) => new Parameter(kind, read, options);
}

/**
 * Parameters by kind: `parameter.number({ doc: "...", positional: true })`.
 */
export const parameter = {
    /** A span of time, read as nanoseconds. It may be negative: an operator that minds says so. */
    duration: maker("duration", readDuration),
    /** A whole number of 64 bits. */
    integer: maker("integer", readInteger),
    /** A number. */
    number: maker("number", readNumber),
    /** Text. */
    text: maker("text", (text) => unquoted(text, "'", "text in single quotes")),
    /** `true` or `false`. */
    boolean: maker("boolean", readBoolean),
    /** The name of a column of the first input. */
    column: maker("column", readName),
    /** Names of columns of the first input. */
    columns: maker("columns", readNames),
    /** The canonical text of a scalar expression over the columns of the first input. */
    scalar: maker("scalar", (text) => text),
    /** The canonical text of a condition over the columns of the first input. */
    predicate: maker("predicate", (text) => text),
    /** The canonical text of `*`, a scalar expression, or one with a name. */
    projection: maker("projection", (text) => text),
    /** The canonical text of names of columns that all inputs have, or of a condition over qualified columns. */
    match: maker("match", (text) => text),
};

/**
 * Reads arguments: name and canonical text each.
 *
 * @param {Record<string, Parameter<any>>} parameters
 * @param {{ name: string, value: string }[]} given
 * @returns {Record<string, any>}
 */
export function readArguments(parameters, given) {
    /** @type {Record<string, any>} */
    const read = {};
    for (const [name, one] of Object.entries(parameters)) {
        try {
            read[name] = one.read(given.filter((argument) => argument.name === name).map((argument) => argument.value));
        } catch (error) {
            throw error instanceof Refusal ? new Refusal(`${name}: ${error.message}`) : error;
        }
    }
    return read;
}

/** Nanoseconds by unit. */
const UNITS = new Map(
    Object.entries({ d: 86400n * 10n ** 9n, h: 3600n * 10n ** 9n, m: 60n * 10n ** 9n, s: 10n ** 9n, ms: 10n ** 6n, us: 1000n, ns: 1n }),
);

/** @param {string} text */
function readDuration(text) {
    if (!/^-?(\d+(d|h|ms|us|ns|m|s))+$/.test(text)) {
        throw expected(text, "a duration such as 5m");
    }
    const parts = text.matchAll(/(\d+)([a-z]+)/g);
    const sum = [...parts].reduce((total, [, count, unit]) => total + BigInt(count) * /** @type {bigint} */ (UNITS.get(unit)), 0n);
    return text.startsWith("-") ? -sum : sum;
}

/** @param {string} text */
function readInteger(text) {
    const value = /^-?\d+$/.test(text) ? BigInt(text) : undefined;
    if (value === undefined || BigInt.asIntN(64, value) !== value) {
        throw expected(text, "a whole number of 64 bits");
    }
    return value;
}

/** @param {string} text */
function readNumber(text) {
    if (!/^-?\d+(\.\d+)?(e-?\d+)?$/.test(text)) {
        throw expected(text, "a number");
    }
    return Number(text);
}

/** @param {string} text */
function readBoolean(text) {
    if (text !== "true" && text !== "false") {
        throw expected(text, "true or false");
    }
    return text === "true";
}

/** @param {string} text */
function readName(text) {
    if (text.startsWith('"')) {
        return unquoted(text, '"', "a column's name");
    }
    if (!/^[A-Za-z_][A-Za-z0-9_.]*$/.test(text)) {
        throw expected(text, "a column's name");
    }
    return text;
}

/** @param {string} text */
function readNames(text) {
    if (!text.startsWith("(")) {
        return [readName(text)];
    }
    const names = text.slice(1, -1).match(/"(?:[^"]|"")*"|[^,]+/g) ?? [];
    if (!text.endsWith(")") || names.join(",") !== text.slice(1, -1)) {
        throw expected(text, "columns' names, such as (host,region)");
    }
    return names.map(readName);
}

/**
 * @param {string} text
 * @param {string} quote
 * @param {string} what
 */
function unquoted(text, quote, what) {
    const inner = text.slice(1, -1).replaceAll(quote + quote, "");
    if (text.length < 2 || !text.startsWith(quote) || !text.endsWith(quote) || inner.includes(quote)) {
        throw expected(text, what);
    }
    return text.slice(1, -1).replaceAll(quote + quote, quote);
}

/**
 * @param {string} text
 * @param {string} what
 */
function expected(text, what) {
    return new Refusal(`expected ${what}, found ${text}`);
}
