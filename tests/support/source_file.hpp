#pragma once

#include <string>

/// The path of a file or folder of the repository, by its name from the repository's root. In main.cpp, so that this path is a flag
/// of one file alone and a compiler cache knows the other tests in every checkout.
std::string source_file(const std::string& name);
