/**
 * Calls operators natively as a component would: with the guards over the globals, and a host that is the same in every run.
 *
 * @module
 */
/** One computation's place to run: its generator goes on from call to call. */
export declare class Sandbox {
    #private;
    /**
     * Calls into an operator.
     *
     * @template T
     * @param {() => T} call
     * @returns {T}
     */
    call<T>(call: () => T): T;
}
