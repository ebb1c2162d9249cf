/**
 * A component: some operators of one world under a name and a version.
 *
 * @module
 */

import { Aggregate } from "../fold.js";
import { stateFields } from "../state.js";
import { Transform } from "../transform.js";

/** @import { About, FoldClass } from "../fold.js" */
/** @import { Parameter, ParameterKind } from "../parameter.js" */

/** @typedef {typeof Aggregate} AggregateClass */
/** @typedef {typeof Transform & { new (): Transform }} TransformClass */

/**
 * What an operator says of itself, as the world has it.
 *
 * @typedef {object} Signature
 * @property {string} name
 * @property {string} doc
 * @property {string} example
 * @property {number} minInputs
 * @property {number | undefined} maxInputs
 * @property {{ name: string, kind: ParameterKind, required: boolean, positional: boolean, repeated: boolean, default: string | undefined,
 *     doc: string }[]} parameters
 * @property {string | undefined} key
 * @property {number} stateWritten
 * @property {number[]} stateRead
 */

/**
 * Some operators under a name and a version.
 *
 * @typedef {object} Component
 * @property {string} name
 * @property {string} version
 * @property {(AggregateClass | TransformClass)[]} operators
 */

/**
 * Makes a component, which the operators' module exports as its default: `export default component("electric", "1.0.0", [Rms])`.
 *
 * @param {string} name Letters, digits, `_` and `-`, a letter first.
 * @param {string} version Three numbers with dots: `1.2.0`.
 * @param {(AggregateClass | TransformClass)[]} operators
 * @returns {Component}
 * @throws {TypeError} If they are no operators, or do not say what they must.
 */
export function component(name, version, operators) {
    operators.forEach(checkOperator);
    return { name, version, operators };
}

/** @param {any} operator */
function checkOperator(operator) {
    if (!isAggregate(operator) && !extendsClass(operator, Transform)) {
        throw new TypeError(`${operator?.name ?? operator} is no class that extends Fold, Aggregate or Transform`);
    }
    const { name, doc, example } = operator.about ?? {};
    if (![name, doc, example].every((said) => typeof said === "string")) {
        throw new TypeError(`class ${operator.name} has no \`static about = { name, doc, example }\``);
    }
    if (operator.state !== undefined) {
        stateFields(operator);
    }
}

/**
 * Whether a class is an aggregate; else it is a transform.
 *
 * @param {any} operator
 */
export function isAggregate(operator) {
    return extendsClass(operator, Aggregate);
}

/**
 * @param {any} derived
 * @param {any} base
 */
function extendsClass(derived, base) {
    return typeof derived === "function" && derived.prototype instanceof base;
}

/**
 * What a component says of its aggregates, or of its transforms, as the world has it.
 *
 * @param {Component} component
 * @param {boolean} aggregates
 * @returns {{ name: string, version: string, operators: Signature[] }}
 */
export function describe({ name, version, operators }, aggregates) {
    return { name, version, operators: operators.filter((operator) => isAggregate(operator) === aggregates).map(signatureOf) };
}

/**
 * @param {any} operator
 * @returns {Signature}
 */
function signatureOf(operator) {
    const { name, doc, example } = operator.about;
    const parameters = Object.entries(/** @type {Record<string, Parameter<any>>} */ (operator.parameters)).map(([name, one]) => ({
        name,
        kind: one.kind,
        required: one.isRequired,
        positional: one.options.positional ?? false,
        repeated: one.options.repeated ?? false,
        default: one.options.default,
        doc: one.options.doc ?? "",
    }));
    const { minInputs = 1, maxInputs = 1, key = null, stateWritten, stateRead } = operator;
    return { name, doc, example, minInputs, maxInputs: maxInputs ?? undefined, parameters, key: key ?? undefined, stateWritten, stateRead };
}

/**
 * The operator of that name.
 *
 * @param {Component} component
 * @param {string} name
 * @returns {any}
 */
export function findOperator(component, name) {
    const found = component.operators.find((operator) => operator.about.name === name);
    if (found === undefined) {
        throw new TypeError(`no operator \`${name}\` in this component`);
    }
    return found;
}
