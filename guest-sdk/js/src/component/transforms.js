/**
 * Transforms behind frames: what the world `transform` calls.
 *
 * @module
 */

import { columnOf } from "../builder.js";
import { encodeFrame, Frame } from "../frame.js";
import { Inputs } from "../inputs.js";
import { Output } from "../output.js";
import { Refusal } from "../refusal.js";
import { argumentsOf } from "./aggregates.js";
import { findOperator } from "./component.js";

/** @import { Emitted } from "../output.js" */
/** @import { Field, Input, Type } from "../schema.js" */
/** @import { Opening, Transform } from "../transform.js" */
/** @import { GivenArguments } from "./aggregates.js" */
/** @import { Component, TransformClass } from "./component.js" */

/** The column that every output begins with. @type {Field} */
const TIME = { name: "time", type: "timestamp" };

/** An open transform that takes frames. */
export class TransformInstance {
    /** @type {Transform} */
    #transform;
    /** @type {TransformClass} */
    #class;
    /** @type {Type[][]} */
    #types;
    /** What most calls for a slow stream give: a frame without records. @type {Uint8Array} */
    #empty;

    /**
     * Opens the operator of that name.
     *
     * @param {Component} component
     * @param {string} operator
     * @param {GivenArguments} given
     * @param {Input[]} inputs
     */
    constructor(component, operator, given, inputs) {
        this.#class = findOperator(component, operator);
        checkCount(this.#class, inputs.length);
        this.#transform = new this.#class();
        /** What opening says. @type {Opening} @readonly */
        this.opening = this.#transform.open(argumentsOf(this.#class, given), inputs);
        const output = [TIME, ...this.opening.schema];
        this.#empty = encodeFrame(0, output.map((field) => columnOf(field.type, [])));
        this.#types = inputs.map((input) => input.schema.map((field) => field.type));
    }

    /**
     * Takes one frame per input and the order of their merge, as the world says.
     *
     * @param {Uint8Array[]} frames
     * @param {Uint8Array} order
     * @returns {Emitted}
     */
    process(frames, order) {
        const inputs = new Inputs(frames.map((bytes) => Frame.view(bytes)), order, this.#types);
        return this.#emit("process", (out) => this.#transform.process(inputs, out));
    }

    /**
     * @param {bigint | null} frontier
     * @returns {Emitted}
     */
    advance(frontier) {
        return this.#emit("advance", (out) => this.#transform.advance(frontier, out));
    }

    /** @returns {Uint8Array[]} */
    snapshot() {
        return this.#transform.snapshot();
    }

    /**
     * @param {number} version
     * @param {Uint8Array[]} chunks
     */
    restore(version, chunks) {
        const { about, stateRead } = this.#class;
        if (!stateRead.includes(version)) {
            throw new Refusal(`${about.name} reads state of versions ${stateRead.join(", ")}, this one has version ${version}`);
        }
        this.#transform.restore(version, chunks);
    }

    /**
     * @param {string} name
     * @param {(out: Output) => unknown} call
     * @returns {Emitted}
     */
    #emit(name, call) {
        const out = new Output(this.opening.schema);
        if (call(out) instanceof Promise) {
            throw new TypeError(`${name} of class ${this.#class.name} returns a promise; an operator computes at once`);
        }
        return out.finish(this.#empty);
    }
}

/**
 * @param {TransformClass} operator
 * @param {number} found
 */
function checkCount({ about, minInputs, maxInputs }, found) {
    if (found >= minInputs && (maxInputs === null || found <= maxInputs)) {
        return;
    }
    const range = maxInputs === null ? `at least ${minInputs}` : maxInputs === minInputs ? `${minInputs}` : `${minInputs} to ${maxInputs}`;
    throw new Refusal(`${about.name} takes ${range} input streams, ${found} came`);
}
