"""NumPy's half of the round trip: `write DIR` makes arrays in every form; `compare DIR` checks NAME.back.npy against NAME.npy."""
import itertools
import pathlib
import sys

import numpy as np

WIDER = {"u2": "i4", "u4": "i8", "u8": "i8"}


def write(folder):
    types = ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?"]
    shapes = [(), (0,), (7,), (3, 4), (2, 0, 3), (2, 3, 4)]
    for number, (kind, byte_order, shape, order, version) in enumerate(itertools.product(types, "<>", shapes, "CF", [(1, 0), (2, 0), (3, 0)])):
        values = np.random.default_rng(number).integers(0, 256, size=shape + (8,), dtype=np.uint8)
        values[..., 7:] &= np.uint8(0x3F)  # eight bytes stay below 2^63
        dtype = np.dtype(kind) if kind == "?" else np.dtype(byte_order + kind)
        array = values[..., 0] % 2 == 0 if kind == "?" else values.astype(np.int64) @ (256 ** np.arange(8, dtype=np.int64))
        with np.errstate(over="ignore"):
            if kind in ("f4", "f8"):
                array = array / 3e15
            elif kind == "f2":
                array = values[..., 0] / 7
            array = np.asarray(array).astype(dtype)
        array = np.asarray(array, order=order)
        with open(folder / f"{number}.npy", "wb") as file:
            np.lib.format.write_array(file, array, version=version)


def compare(folder):
    count = 0
    for path in folder.glob("*.back.npy"):
        back = np.load(path)
        array = np.load(folder / (path.name[: -len(".back.npy")] + ".npy"))
        code = array.dtype.str[1:]
        assert back.shape == array.shape, (path, back.shape, array.shape)
        assert back.dtype == np.dtype(WIDER.get(code, code)), (path, back.dtype, array.dtype)
        assert np.array_equal(back, array.astype(back.dtype)), path
        count += 1
    assert count == 12 * 2 * 6 * 2 * 3, count
    assert np.load(folder / "rows.npy").tolist() == [[1.5, 2.0], [3.0, 4.0], [5.0, 6.0]]
    assert np.load(folder / "names.npy").tolist() == ["a", "β", "🦆", ""]


def names(folder):
    np.save(folder / "names.npy", np.array(["a", "β", "🦆", ""]))
    np.save(folder / "big_endian_names.npy", np.array(["a", "β", "🦆", ""]).astype(">U3"))
    np.save(folder / "bytes.npy", np.array([b"one", b"three"]))


folder = pathlib.Path(sys.argv[2])
if sys.argv[1] == "write":
    write(folder)
    names(folder)
else:
    compare(folder)
