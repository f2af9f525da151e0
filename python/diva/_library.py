"""The C interface (include/diva/capi.h) by ctypes, and what turns its numbers into exceptions."""

import ctypes
import os
import pathlib

_I64 = ctypes.c_int64
_P = ctypes.c_void_p


class Samples(ctypes.Structure):
    _fields_ = [("features", _P), ("labels", _P), ("ids", _P), ("size", _I64)]


class EvaluateOptions(ctypes.Structure):
    _fields_ = [
        ("similarity", ctypes.c_int32),
        ("num_clusters", _I64),
        ("kmeans_iterations", _I64),
        ("kmeans_restarts", _I64),
        ("seed", ctypes.c_uint64),
    ]


_C_VERSION = 1
_STATUS = ctypes.c_int32


def _load():
    # DIVA_C_LIBRARY names another build, such as one with debug information.
    path = os.environ.get("DIVA_C_LIBRARY") or str(pathlib.Path(__file__).parent / "libdiva_c.so")
    try:
        library = ctypes.CDLL(path)
    except OSError as error:
        raise ImportError(f"diva: {error}; the package is built by `pip install ./python` in a clone of diva") from error
    library.diva_c_version.restype = ctypes.c_int32
    if library.diva_c_version() != _C_VERSION:
        raise ImportError(f"diva: '{path}' must have the C interface {_C_VERSION}, got {library.diva_c_version()}")
    library.diva_version.restype = ctypes.c_char_p
    library.diva_last_error.restype = ctypes.c_char_p
    for name in ("diva_metric_name", "diva_metric_meaning"):
        getattr(library, name).argtypes = [_I64]
        getattr(library, name).restype = ctypes.c_char_p
    library.diva_evaluate_defaults.restype = EvaluateOptions
    arguments = {
        "diva_set_num_threads": [ctypes.c_int32],
        "diva_nearest_neighbours": [_P, _I64, _P, _I64, _I64, _I64, _P, _P, ctypes.c_int32, _P, _P],
        "diva_evaluate": [
            ctypes.POINTER(Samples),
            ctypes.POINTER(Samples),
            _I64,
            ctypes.POINTER(ctypes.c_char_p),
            _I64,
            ctypes.POINTER(EvaluateOptions),
            _P,
        ],
        "diva_kmeans": [_P, _I64, _I64, _I64, _I64, _I64, ctypes.c_uint64, _P, _P, ctypes.POINTER(ctypes.c_double)],
        "diva_normalise": [_P, _I64, _I64],
    }
    for name, types in arguments.items():
        function = getattr(library, name)
        function.argtypes = types
        function.restype = _STATUS
    return library


library = _load()
_INTERNAL_ERROR = 4


def check(status):
    """Options, shapes and data at fault are a ValueError with the library's message; the rest is a RuntimeError."""
    if status == 0:
        return
    text = library.diva_last_error().decode()
    raise (RuntimeError if status == _INTERNAL_ERROR else ValueError)(text)
