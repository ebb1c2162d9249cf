/**
 * Calls operators natively as a component would: with the guards over the globals, and a host that is the same in every run.
 *
 * @module
 */

import { guard } from "../guards.js";
import { setHost } from "../host.js";
import { Chance } from "./chance.js";

/** @import { Level } from "../host.js" */

const write = console.error.bind(console);

/** One computation's place to run: its generator goes on from call to call. */
export class Sandbox {
    #chance = new Chance(0);

    /**
     * Calls into an operator.
     *
     * @template T
     * @param {() => T} call
     * @returns {T}
     */
    call(call) {
        const log = (/** @type {Level} */ level, /** @type {string} */ message) => write(`${level}: ${message}`);
        const before = setHost({ log, random: () => this.#chance.next() });
        const unguard = guard();
        try {
            return call();
        } finally {
            unguard();
            setHost(before);
        }
    }
}
