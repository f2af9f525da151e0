// Comes before every file that Clang compiles with LibTorch 1.13. In C++20 libstdc++'s vector is constexpr, so Clang looks into it where
// LibTorch only names a vector of a type that is not complete yet, and refuses LibTorch's headers; here it is not constexpr. What the
// header defines of a function that was declared as constexpr before gets another name, which only a linker would notice.
#include <memory>
#include <string>

#pragma push_macro("_GLIBCXX20_CONSTEXPR")
#undef _GLIBCXX20_CONSTEXPR
#define _GLIBCXX20_CONSTEXPR
#define __fill_a1 fill_of_vector_of_bool
#include <vector>
#undef __fill_a1
#pragma pop_macro("_GLIBCXX20_CONSTEXPR")
