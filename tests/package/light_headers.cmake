# Fails when a public header pulls in what only the sources may use. COMMAND preprocesses a file that includes all of them and lists
# what was read.
execute_process(COMMAND ${COMMAND} OUTPUT_VARIABLE included COMMAND_ERROR_IS_FATAL ANY)
foreach(heavy "torch/torch[.]h" "torch/nn/module[.]h" "torch/optim" "torch/data/" "/faiss/" "/Eigen/" "turbojpeg[.]h" "spng[.]h")
  if(included MATCHES "[^ \n]*${heavy}[^ \n]*")
    message(SEND_ERROR "A public header includes ${CMAKE_MATCH_0}")
  endif()
endforeach()
if(NOT included MATCHES "/torch/types[.]h")
  message(FATAL_ERROR "The list of included files is not what it should be:\n${included}")
endif()
