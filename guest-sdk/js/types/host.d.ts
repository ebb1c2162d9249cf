/**
 * All that an operator can ask of its host: a line in the log, and repeatable randomness.
 *
 * @module
 */
export type Level = "debug" | "info" | "warn" | "error";
export type Host = {
    log: (level: Level, message: string) => void;
    random: () => bigint;
};
/**
 * Puts a host behind this module.
 *
 * @param {Host | undefined} given
 * @returns {Host | undefined} The one before.
 */
export declare function setHost(given: Host | undefined): Host | undefined;
/**
 * Writes a line to the node's log. In the harness it goes to standard error.
 *
 * @param {Level} level
 * @param {string} message
 */
export declare function log(level: Level, message: string): void;
/**
 * Sixty-four bits from a generator that is seeded from the computation: the same in every run of it. `Math.random` draws from it,
 * too.
 *
 * @returns {bigint} From 0 to 2^64 - 1.
 */
export declare function random(): bigint;
/**
 * A number from the same generator.
 *
 * @returns {number} From 0 to less than 1, a multiple of 2^-53.
 */
export declare function randomNumber(): number;
