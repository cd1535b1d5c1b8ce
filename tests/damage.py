"""Damaged and forged files, from the files of models and a generator of random numbers."""

import hashlib
import json
import re
import struct

_SUM = re.compile(rb'\\"sha256\\": \\"([0-9a-f]{64})')


def sealed(data):
    """Return a file with the checksum of its content, as whoever forges one would write it."""
    found = _SUM.search(data)
    if found is None:
        return data
    start, end = found.span(1)
    zeros = data[:start] + b"0" * 64 + data[end:]
    return data[:start] + hashlib.sha256(zeros).hexdigest().encode() + data[end:]


def taken_apart(data):
    """Return the header, the text in it and the arrays' bytes of a file."""
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + length])
    return header, json.loads(header["__metadata__"]["tfae"]), data[8 + length :]


def put_together(header, text, arrays):
    """Return the file of these, with the right checksum; the text may be given as JSON."""
    given = text if isinstance(text, str) else json.dumps(text)
    own = json.dumps({**header, "__metadata__": {"tfae": given}}, separators=(",", ":")).encode()
    own += b" " * (-len(own) % 8)
    return sealed(struct.pack("<Q", len(own)) + own + arrays)


def damaged(data, rng):
    """Return a file that differs by an accident: any byte may be wrong, or missing, or too many."""
    changed = bytearray(data)
    start = int(rng.integers(len(data)))
    match rng.integers(6):
        case 0:
            for place in rng.integers(len(data), size=rng.integers(1, 9)):
                changed[place] ^= 1 << int(rng.integers(8))
        case 1:
            del changed[start:]
        case 2:
            changed += rng.bytes(int(rng.integers(1, 500)))
        case 3:
            length = int(rng.integers(1, 200))
            changed[start : start + length] = rng.bytes(length)
        case 4:
            changed[:8] = rng.bytes(8) if rng.random() < 0.5 else struct.pack("<Q", start)
        case 5:
            changed[start : start + 64] = b"\0" * 64
    return bytes(changed) if bytes(changed) != data else data[:-1]


def forged(data, rng):
    """Return a file that was made to do harm, with the right checksum."""
    header, text, arrays = taken_apart(data)
    match rng.integers(6):
        case 0:
            return sealed(damaged(data, rng))
        case 1:  # the values of the arrays
            wrong = bytearray(arrays)
            start = int(rng.integers(len(wrong)))
            wrong[start : start + 40] = rng.bytes(40)
            return put_together(header, text, bytes(wrong[: len(arrays)]))
        case 2:  # what is said of the arrays
            name = rng.choice(sorted(set(header) - {"__metadata__"}))
            _change(header[name], rng)
            return put_together(header, text, arrays)
        case 3:
            return put_together(header, _long(text, rng), arrays)
        case _:
            for _ in range(rng.integers(1, 4)):
                _change(text, rng, beginning=("format_version", "sha256"))
            return put_together(header, text, arrays)


def _change(tree, rng, beginning=()):
    """Change one place of a tree of JSON: another value, a missing or another name, an exchange."""
    places = [place for place in _places(tree) if place[1] not in beginning]
    if not places:
        return
    parent, key = places[rng.integers(len(places))]
    other, of_other = places[rng.integers(len(places))]
    match rng.integers(5):
        case 0 if isinstance(parent, dict):
            del parent[key]
        case 1 if isinstance(parent, dict):
            parent[_strange(rng) if rng.random() < 0.5 else str(of_other)] = parent.pop(key)
        case 2:
            parent[key] = json.loads(json.dumps(other[of_other]))
        case _:
            parent[key] = json.loads(json.dumps(_JUNK[rng.integers(len(_JUNK))]))


def _places(tree):
    found, todo = [], [tree]
    while todo:
        parent = todo.pop()
        keys = list(parent) if isinstance(parent, dict) else range(len(parent))
        for key in keys:
            found.append((parent, key))
            if isinstance(parent[key], dict | list):
                todo.append(parent[key])
    return found


def _strange(rng):
    return str(rng.choice(["array", "Dense", "Sum", "tuple", "dict", "eval", "__class__", "x"]))


def _long(text, rng):
    """Return a text that is deep or long."""
    size = int(rng.integers(1000, 200_000))
    inner = {
        0: "[" * size + "]" * size,
        1: '{"tuple": [' * 400 + "]}" * 400,
        2: "[" + "[]," * size + "0]",
        3: '"' + "x" * size + '"',
        4: "9" * size,
        5: '{"tuple": [' + "1," * size + "1]}",
    }[int(rng.integers(6))]
    name = sorted(set(text) - {"format_version", "sha256"})[rng.integers(4)]
    return json.dumps({**text, name: "HERE"}).replace('"HERE"', inner)


_JUNK = [
    *(None, True, False, 0, 1, -1, 3, 2**31, 2**63, 2**64, 2**70, 0.5, -0.0, 1e308, 1e999),
    *("", "x", "linear", "float16", "nan", "\ud800", "../../etc/passwd", "Autoencoder"),
    *([], [1], ["x"], [[]], {}, {"tuple": []}, {"tuple": [10**9]}, {"dict": {}}, {"a": 1, "b": 2}),
    *({"array": "nothing"}, {"array": "fitted.scaling.center"}, {"array": 3}, {"float": "nan"}),
    *({"transposed": "fitted.encoder_weights.0"}, {"texts": ["a"]}),
    *({"number": ["float32", 1e300]}, {"number": ["int8", 300]}, {"number": ["object", 1]}),
    *({"function": ["loss", "mse"]}, {"function": ["os", "system"]}, {"function": ["loss"]}),
    *({"random_state": {}}, {"generator": {"seed": {"dict": {}}, "state": {"dict": {}}}}),
    *({"Dense": {"kernel": 0, "bias": None, "activation": "linear"}}, {"Dense": {}}),
    *({"Dense": {"kernel": -1, "bias": 10**30, "activation": "tanh"}}, {"Nested": {}}),
    *({"Gaussian": {"n_components": 10**9}}, {"LargestOfRow": {"k": 0}}, {"Code": {}}),
    *({"Sum": {"paths": {"tuple": [{"tuple": []}, {"tuple": []}]}}}, {"LargestOfUnit": {}}),
    {"Imported": {"encoder": "{", "decoder": "{}", "row_shape": [], "code_shape": []}},
    {"Quantiles": {"quantiles": {"array": "fitted.encoder_weights.0"}}},
    {"Affine": {"center": {"array": "fitted.encoder_weights.0"}, "scale": 0}},
]
