#pragma once

/// Module data: labelled lists of image files and their splits, image transforms, augmentation, and a threaded loader whose output
/// depends on the seed only. Files → Dataset → ImageStore → Loader → Batch.
#include <diva/data/augmentation.hpp>
#include <diva/data/dataset.hpp>
#include <diva/data/image_cache.hpp>
#include <diva/data/image_transforms.hpp>
#include <diva/data/loader.hpp>
