// Two translation units that include everything, in one program: a function defined in a header without `inline` would not link.
#include <diva/diva.hpp>

#include <cstdlib>

std::string message_of_the_other_unit();

int main() { return message_of_the_other_unit() == diva::Bounds{.lower = 0}.text() ? EXIT_SUCCESS : EXIT_FAILURE; }
