#pragma once

#include <diva/core/state.hpp>

#include <cstdint>
#include <span>
#include <string>

namespace diva::inline v0_1 {

/// Reads what Python's torch.save wrote (`.pth`, `.pt`, `.bin`), without Python and without running the pickle in it.
///
/// The pickle is interpreted by a list of known names: tensors, parameters, OrderedDict, dictionaries, lists, tuples, sets,
/// numbers, texts, None. An object of any other class, such as the argparse.Namespace of DINO's checkpoints, is left out with all
/// that it holds, and told by the text `<argparse.Namespace>` in its place, as is such a class or function itself. What an unknown
/// name of torch makes is refused, since it may be a tensor. Nested containers become names with dots: {"state_dict":
/// {"conv1.weight": …}, "epoch": 3} gives the tensors `state_dict.conv1.weight` and `epoch`; the places of lists are numbers. None,
/// data types and integers beyond 64 bits are left out. A file that is one tensor calls it `tensor`.
///
/// Formats: the zip archive of PyTorch 1.6 and later; the stream of pickles before it (0.2 to 1.5, `_use_new_zipfile_serialization=
///          False`), which pretrainedmodels' files have; the tar archive of 0.1.
/// Types:   float64, float32, float16, bfloat16, int64, int32, int16, int8, uint8, bool. Others are refused by name.
/// Source:  torch/serialization.py and torch/_utils.py, PyTorch 1.13 and 2.6; the list is that of `weights_only=True` with
///          `_codecs.encode` beside it; `weights_only` refuses all other objects.
/// Differs: an archive whose entries lie over one another, whose checksums are wrong or whose storages are of another size than the
///          pickle says is refused; so is a name that occurs twice after flattening. Devices are left aside: tensors are on the
///          CPU.
/// Edge:    tensors that share a storage in the file share it here, with their strides and offsets.
/// Cost:    the file is mapped, and each storage copied once; a damaged file costs no more memory than its size (deflated entries:
///          than 1032 times theirs) and a few dozen bytes for each byte of its pickle, of which there may be 2^25.
/// Throws:  IoError with the file and what of it is wrong: an unknown name of torch, an entry, a tensor. A TorchScript file is refused
///          with the name of the function that takes it (make_backbone).
State read_torch_checkpoint(const std::string& path);

/// The same from memory; `name` stands for the path in messages.
State parse_torch_checkpoint(std::span<const std::uint8_t> bytes, const std::string& name);

/// Writes a state as a dictionary of tensors and texts, in the zip format, through AtomicFile: Python's torch.load reads it, also
/// with `weights_only=True`. Equal states give equal bytes.
///
/// Edge:    each tensor gets a storage of its own, contiguous; those on another device are copied one at a time.
/// Throws:  IoError with the file and the entry that cannot be written: an undefined, sparse or complex tensor, a tensor and a text
///          of one name; or with the system's reason.
void write_torch_checkpoint(const std::string& path, const State& state);

/// Reads a file of weights of any of the formats here, told by its first bytes: safetensors, checkpoints of this library among
/// them, or torch.save's.
///
/// Throws:  IoError with the file, as the format's own function.
State read_weights(const std::string& path);

}  // namespace diva::inline v0_1
