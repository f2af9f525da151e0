#pragma once

#include <torch/types.h>
#include <diva/core/files.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace diva::inline v0_1 {

/// Reads a NumPy array (`.npy`): a tensor on the CPU with the shape and the values that NumPy shows.
///
/// Layout: "\x93NUMPY", version, length of the header (two bytes in version 1, four in 2 and 3, little-endian), a Python dictionary
/// `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`, data. Everything is checked against the size of the file before
/// the tensor is allocated, so a damaged file costs no more memory than its size.
///
/// Source:  the format's description, numpy.lib.format; versions 1.0, 2.0 and 3.0.
/// Types:   f2 f4 f8 i1 i2 i4 i8 u1 and bool keep theirs; u2 becomes int32, u4 int64, u8 int64 where its values fit. Big-endian
///          values are turned. Complex numbers, dates, structures and Python objects are refused by name; for texts see
///          read_npy_texts.
/// Differs: NumPy ignores bytes behind the array; here they are an error, as they are in a file cut together from two.
/// Edge:    an array in Fortran order is a transposed view, as in NumPy. bool bytes other than 0 and 1 are an error.
/// Cost:    one read into the tensor's own memory.
/// Throws:  IoError with the file.
torch::Tensor read_npy(const std::string& path);

/// The same from memory; `name` stands for the path in messages. The tensor is a copy.
torch::Tensor parse_npy(std::span<const std::uint8_t> bytes, const std::string& name);

/// As read_npy, but the tensor is the file itself, mapped into memory: nothing is read before it is used, and the system may drop
/// pages again, so a file may be larger than memory. Writing to the tensor changes a private copy of the page, never the file.
///
/// Edge:    what cannot be used as it lies on the disk (big-endian, bool, u2, u4, u8, values at odd addresses) is read as read_npy
///          reads it. The file may be replaced by another name's (rename) while it is mapped, but not shortened: the system then
///          ends the process (SIGBUS).
/// Cost:    O(1), plus the pages that are used.
/// Throws:  IoError with the file.
torch::Tensor map_npy(const std::string& path);

/// The texts of a one-dimensional array of NumPy's types U and S, in UTF-8, without the zeros that fill them up.
/// Throws: IoError with the file: another type or shape, a character that is none.
std::vector<std::string> read_npy_texts(const std::string& path);

/// Whether the array holds texts (U or S) and so is for read_npy_texts. Reads only the header. Throws: IoError with the file.
bool npy_holds_texts(const std::string& path);

/// Writes a tensor as version 1.0 in C order through AtomicFile; tensors on another device or not contiguous are copied first.
/// Throws: IoError for a type that NumPy does not have (bfloat16), an undefined, sparse or complex tensor; or the system's reason.
void write_npy(const std::string& path, const torch::Tensor& tensor);

/// An array written in pieces along its first dimension, for results that do not fit in memory. The file appears under its name
/// with `commit`; what was written without one goes away.
class NpyWriter {
 public:
  /// `row`: the shape of one row, so that the array is [rows, row…]. Throws: as write_npy.
  NpyWriter(const std::string& path, torch::ScalarType type, std::vector<std::int64_t> row);

  /// `rows` [n, row…] are converted to the array's type. ShapeError for another shape.
  void append(const torch::Tensor& rows);
  void commit();  ///< Once, after the last `append`.

  [[nodiscard]] std::int64_t rows() const { return rows_; }

 private:
  std::string path_;
  torch::ScalarType type_;
  std::vector<std::int64_t> row_;
  std::int64_t rows_ = 0;
  AtomicFile file_;
};

}  // namespace diva::inline v0_1
