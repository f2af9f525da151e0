#include <diva/diva.hpp>

std::string message_of_the_other_unit() { return diva::non_negative.text(); }
