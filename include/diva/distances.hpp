#pragma once

/// Module distances: how far two embeddings are, row by row or every row against every row.
/// Conventions of the library: embeddings are row-major [batch, dim]; distances are Euclidean, not squared, unless the name says
/// so.
#include <diva/distances/distance.hpp>
