/**
 * What an operator must not have, refused where it is called: clocks, timers, true randomness, what depends on the collector. And what
 * engines lack that authors expect: a console, `TextEncoder` and `TextDecoder`.
 *
 * @module
 */
/**
 * Puts the guards over an engine's globals.
 *
 * @returns {() => void} Takes them away again.
 */
export declare function guard(): () => void;
/** Supplies a console that writes to the node's log, and the text codecs where the engine has none. */
export declare function supply(): void;
