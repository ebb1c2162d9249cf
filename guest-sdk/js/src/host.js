/**
 * All that an operator can ask of its host: a line in the log, and repeatable randomness.
 *
 * @module
 */

/** @typedef {"debug" | "info" | "warn" | "error"} Level */

/**
 * What stands behind this module: the component's imports, or the harness.
 *
 * @typedef {{ log: (level: Level, message: string) => void, random: () => bigint }} Host
 */

/** @type {Host | undefined} */
let host;

/**
 * Puts a host behind this module.
 *
 * @param {Host | undefined} given
 * @returns {Host | undefined} The one before.
 */
export function setHost(given) {
    const before = host;
    host = given;
    return before;
}

/** @returns {Host} */
function present() {
    if (host === undefined) {
        throw new Error("an operator's host is there only while it is called, not while its modules are loaded");
    }
    return host;
}

/**
 * Writes a line to the node's log. In the harness it goes to standard error.
 *
 * @param {Level} level
 * @param {string} message
 */
export function log(level, message) {
    present().log(level, message);
}

/**
 * Sixty-four bits from a generator that is seeded from the computation: the same in every run of it. `Math.random` draws from it,
 * too.
 *
 * @returns {bigint} From 0 to 2^64 - 1.
 */
export function random() {
    return present().random();
}

/**
 * A number from the same generator.
 *
 * @returns {number} From 0 to less than 1, a multiple of 2^-53.
 */
export function randomNumber() {
    return Number(random() >> 11n) / 2 ** 53;
}
