/**
 * UTF-8, strictly: what is no text is refused. QuickJS has no `TextDecoder` and no `TextEncoder`.
 *
 * @module
 */

/**
 * The text that these bytes are.
 *
 * @param {Uint8Array} bytes
 * @param {number} start
 * @param {number} end
 * @returns {string}
 * @throws {RangeError} If they are not UTF-8: cut, too long for what they say, a surrogate, or past U+10FFFF.
 */
export function decode(bytes, start, end) {
    let text = "";
    for (let at = start; at < end; ) {
        const byte = bytes[at];
        if (byte < 0x80) {
            text += String.fromCharCode(byte);
            at += 1;
            continue;
        }
        const length = byte < 0xc2 ? 0 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : byte < 0xf5 ? 4 : 0;
        if (length === 0 || at + length > end) {
            throw notText(at);
        }
        let code = byte & (0xff >> (length + 1));
        for (let more = 1; more < length; more++) {
            const next = bytes[at + more];
            if ((next & 0xc0) !== 0x80) {
                throw notText(at);
            }
            code = (code << 6) | (next & 0x3f);
        }
        const tooLong = (length === 3 && code < 0x800) || (length === 4 && code < 0x10000);
        if (tooLong || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) {
            throw notText(at);
        }
        text += String.fromCodePoint(code);
        at += length;
    }
    return text;
}

/** @param {number} at */
function notText(at) {
    return new RangeError(`text is not UTF-8 at byte ${at}`);
}

/**
 * How many bytes a text has as UTF-8.
 *
 * @param {string} text
 * @returns {number}
 */
export function encodedLength(text) {
    let length = text.length;
    for (let at = 0; at < text.length; at++) {
        const unit = text.charCodeAt(at);
        if (unit < 0x80) {
            continue;
        }
        if (unit < 0x800) {
            length += 1;
        } else {
            length += 2;
            if (isPair(text, at)) {
                // Four bytes for two units.
                at += 1;
                length -= 1;
            }
        }
    }
    return length;
}

/**
 * Writes a text as UTF-8. Half of a surrogate pair becomes U+FFFD.
 *
 * @param {string} text
 * @param {Uint8Array} bytes
 * @param {number} at
 * @returns {number} The place behind the last byte.
 */
export function encodeInto(text, bytes, at) {
    for (let index = 0; index < text.length; index++) {
        let code = text.charCodeAt(index);
        if (code < 0x80) {
            bytes[at++] = code;
            continue;
        }
        if (isPair(text, index)) {
            code = /** @type {number} */ (text.codePointAt(index));
            index += 1;
        } else if (code >= 0xd800 && code < 0xe000) {
            code = 0xfffd;
        }
        if (code < 0x800) {
            bytes[at++] = 0xc0 | (code >> 6);
        } else {
            if (code < 0x10000) {
                bytes[at++] = 0xe0 | (code >> 12);
            } else {
                bytes[at++] = 0xf0 | (code >> 18);
                bytes[at++] = 0x80 | ((code >> 12) & 0x3f);
            }
            bytes[at++] = 0x80 | ((code >> 6) & 0x3f);
        }
        bytes[at++] = 0x80 | (code & 0x3f);
    }
    return at;
}

/**
 * The text as UTF-8.
 *
 * @param {string} text
 * @returns {Uint8Array}
 */
export function encode(text) {
    const bytes = new Uint8Array(encodedLength(text));
    encodeInto(text, bytes, 0);
    return bytes;
}

/**
 * Whether a surrogate pair begins there.
 *
 * @param {string} text
 * @param {number} at
 */
function isPair(text, at) {
    const [first, second] = [text.charCodeAt(at), text.charCodeAt(at + 1)];
    return first >= 0xd800 && first < 0xdc00 && second >= 0xdc00 && second < 0xe000;
}
