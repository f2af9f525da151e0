# What find_package(Torch 2.0) compares: the version that the wheel in FOLDER/torch says of itself.
file(STRINGS "${CMAKE_CURRENT_LIST_DIR}/../torch/version.py" _torch_version REGEX "^__version__ = ")
string(REGEX REPLACE ".*'([0-9.]+).*" "\\1" PACKAGE_VERSION "${_torch_version}")
if(PACKAGE_VERSION VERSION_GREATER_EQUAL PACKAGE_FIND_VERSION)
  set(PACKAGE_VERSION_COMPATIBLE TRUE)
endif()
if(PACKAGE_VERSION VERSION_EQUAL PACKAGE_FIND_VERSION)
  set(PACKAGE_VERSION_EXACT TRUE)
endif()
