#pragma once

/// Module data: labelled lists of image files and their splits, image transforms, augmentation, and a threaded loader whose output
/// depends on the seed only. Files → Dataset → ImageStore → Loader → Batch.
#include <diva/data/augmentation.hpp>
#include <diva/data/collection.hpp>
#include <diva/data/color_transforms.hpp>
#include <diva/data/csv_dataset.hpp>
#include <diva/data/dataset.hpp>
#include <diva/data/image_cache.hpp>
#include <diva/data/image_source.hpp>
#include <diva/data/image_transforms.hpp>
#include <diva/data/loader.hpp>
#include <diva/data/mixup.hpp>
#include <diva/data/retrieval_sets.hpp>
#include <diva/data/splits.hpp>
