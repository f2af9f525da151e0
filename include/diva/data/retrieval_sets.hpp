#pragma once

#include <diva/data/dataset.hpp>

#include <string>

namespace diva::inline v0_1 {

/// Cars196 (Krause et al., 3dRR 2013): `cars_annos.mat` with the images that it names, `car_ims/NNNNNN.jpg`, in 196 classes.
/// Without it the folders of `images/` are classes, which is the reference code's layout. Boxes of the annotations are not applied:
/// papers show the whole image. zero_shot_split gives the protocol's sides: 8,054 images of the first 98 classes and 8,131 of the
/// others.
///
/// Throws: IoError for a missing or malformed `cars_annos.mat` and for a listed image that is missing; as folder_of_classes.
Dataset cars196(const std::string& root, const ReadOptions& options = {});

/// Stanford Online Products (Song et al., CVPR 2016): `Ebay_train.txt` and `Ebay_test.txt` (image, class, super-class, path) in
/// `root` or its `Info_Files`; images in `root`, or in its `images`, the reference code's layout. The sides have 59,551 images of
/// 11,318 classes and 60,502 of 11,316; the 12 super-classes are `Sample::category`, named by their folders.
///
/// Throws: IoError for a list or a listed image that is missing; DataError for a malformed line, or a class on both sides.
Split online_products(const std::string& root, const ReadOptions& options = {});

/// In-Shop Clothes Retrieval of DeepFashion (Liu et al., CVPR 2016): `list_eval_partition.txt` (image, item, train / query /
/// gallery) in `root`, or its `Eval`, `Anno` or `Info_Files`; images in `root`, or in its `Img`. Training has 25,882 images of
/// 3,997 items; the test, of 3,985 others, 14,218 queries and 12,612 gallery images, told apart by `is_query` and `is_gallery`.
/// Kinds of clothes, such as WOMEN/Dresses, are `Sample::category`.
///
/// Differs: the reference code drops the first image of the list; here none is lost, and the number in the list's first line is
///          checked.
/// Throws:  as online_products.
Split in_shop(const std::string& root, const ReadOptions& options = {});

}  // namespace diva::inline v0_1
