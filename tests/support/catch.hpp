#pragma once

// LibTorch's logging defines CHECK, and so does Catch2; Torch first, then its macro goes.
#include <torch/types.h>
#undef CHECK

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif
