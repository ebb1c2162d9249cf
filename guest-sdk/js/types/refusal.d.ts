/**
 * What an operator cannot do, said to the person who wrote the expression.
 *
 * @module
 */
/**
 * An error whose message alone reaches the person who wrote the expression: it names the thing, what was found and what was
 * expected. Any other error is taken for a mistake in the operator, and reaches them with its name and its line.
 */
export declare class Refusal extends Error {
    /** @param {string} message */
    constructor(message: string);
}
/**
 * The text of whatever was thrown: a refusal's message, else the error's name and message with the place that threw it.
 *
 * @param {unknown} thrown
 * @returns {string}
 */
export declare function describeError(thrown: unknown): string;
export type LineTable = {
    files: string[];
    lines: number[];
};
