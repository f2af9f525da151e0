#pragma once

/// Module io: reads and writes of files: safetensors, PyTorch's checkpoints, NumPy arrays, labels, features by batches, images,
/// CSV, TensorBoard's event files. What is read is checked before it is believed, and an IoError names the file; what is written
/// appears under its name only when it is complete.
#include <diva/io/csv.hpp>
#include <diva/io/event_file.hpp>
#include <diva/io/feature_writer.hpp>
#include <diva/io/image.hpp>
#include <diva/io/labels.hpp>
#include <diva/io/mat.hpp>
#include <diva/io/npy.hpp>
#include <diva/io/safetensors.hpp>
#include <diva/io/torch_checkpoint.hpp>
