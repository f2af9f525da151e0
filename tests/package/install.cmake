# Installs the build into PREFIX by way of another folder, which is gone afterwards: what works there works wherever it is moved.
file(REMOVE_RECURSE "${PREFIX}" "${PREFIX}.original")
execute_process(COMMAND "${CMAKE_COMMAND}" --install "${BUILD}" --prefix "${PREFIX}.original" OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
file(RENAME "${PREFIX}.original" "${PREFIX}")
