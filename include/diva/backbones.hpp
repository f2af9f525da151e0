#pragma once

/// Module backbones: networks that turn images into feature vectors, and the loading of their weights from other libraries' files.
#include <diva/backbones/backbone.hpp>
#include <diva/backbones/weights.hpp>
