/**
 * What operators take besides their inputs: parameters, and arguments read from canonical text.
 *
 * @module
 */
export type ParameterKind = "duration" | "integer" | "number" | "text" | "boolean" | "column" | "columns" | "scalar" | "predicate" | "projection" | "match";
export type ParameterOptions = {
    /**
     * One sentence.
     */
    doc?: string;
    /**
     * It may be given without its name.
     */
    positional?: boolean;
    /**
     * It may be left out; its value is `null` then.
     */
    optional?: boolean;
    /**
     * It takes all positional arguments that remain, at least one.
     */
    repeated?: boolean;
    /**
     * Canonical text of the value when it is not given.
     */
    default?: string;
};
export type Given<T, O> = O extends {
    repeated: true;
} ? T[] : O extends {
    optional: true;
} ? T | null : T;
export type Arguments<P extends Record<string, Parameter<any>>> = {
    [K in keyof P]: P[K] extends Parameter<infer T> ? T : never;
};
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
export declare class Parameter<T> {
    #private;
    /** @readonly */ kind: ParameterKind;
    /** @readonly */ options: ParameterOptions;
    /**
     * @param {ParameterKind} kind
     * @param {(text: string) => any} read Reads canonical text, or throws a {@link Refusal}.
     * @param {ParameterOptions} options
     */
    constructor(kind: ParameterKind, read: (text: string) => any, options: ParameterOptions);
    /** Whether it must be given. */
    get isRequired(): boolean;
    /**
     * Reads the canonical texts that were given.
     *
     * @param {string[]} given
     * @returns {T}
     */
    read(given: string[]): T;
}
/**
 * Parameters by kind: `parameter.number({ doc: "...", positional: true })`.
 */
export declare const parameter: {
    /** A span of time, read as nanoseconds. It may be negative: an operator that minds says so. */
    duration: <const O extends ParameterOptions>(options: O) => Parameter<Given<bigint, O>>;
    /** A whole number of 64 bits. */
    integer: <const O extends ParameterOptions>(options: O) => Parameter<Given<bigint, O>>;
    /** A number. */
    number: <const O extends ParameterOptions>(options: O) => Parameter<Given<number, O>>;
    /** Text. */
    text: <const O extends ParameterOptions>(options: O) => Parameter<Given<string, O>>;
    /** `true` or `false`. */
    boolean: <const O extends ParameterOptions>(options: O) => Parameter<Given<boolean, O>>;
    /** The name of a column of the first input. */
    column: <const O extends ParameterOptions>(options: O) => Parameter<Given<string, O>>;
    /** Names of columns of the first input. */
    columns: <const O extends ParameterOptions>(options: O) => Parameter<Given<string[], O>>;
    /** The canonical text of a scalar expression over the columns of the first input. */
    scalar: <const O extends ParameterOptions>(options: O) => Parameter<Given<string, O>>;
    /** The canonical text of a condition over the columns of the first input. */
    predicate: <const O extends ParameterOptions>(options: O) => Parameter<Given<string, O>>;
    /** The canonical text of `*`, a scalar expression, or one with a name. */
    projection: <const O extends ParameterOptions>(options: O) => Parameter<Given<string, O>>;
    /** The canonical text of names of columns that all inputs have, or of a condition over qualified columns. */
    match: <const O extends ParameterOptions>(options: O) => Parameter<Given<string, O>>;
};
/**
 * Reads arguments: name and canonical text each.
 *
 * @param {Record<string, Parameter<any>>} parameters
 * @param {{ name: string, value: string }[]} given
 * @returns {Record<string, any>}
 */
export declare function readArguments(parameters: Record<string, Parameter<any>>, given: {
    name: string;
    value: string;
}[]): Record<string, any>;
