# Fails when a public header defines what is not inline. In two units a function would not link (package.two_units), but a static function
# or variable would: each unit then has its own, and an inline function that uses it is another in each. COMMAND compiles a file that
# includes all headers as OBJECT, keeping what nothing uses.
execute_process(COMMAND ${COMMAND} -o "${OBJECT}" COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND "${NM}" --demangle --defined-only "${OBJECT}" OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
if(NOT symbols MATCHES "(c10|std)::")
  message(FATAL_ERROR "The list of symbols is not what it should be:\n${symbols}")
endif()
string(REGEX MATCHALL "[^\n]* [^WVun\n] [^\n]*diva::[^\n]*" faults "${symbols}")
if(faults)
  list(JOIN faults "\n" faults)
  message(FATAL_ERROR "Public headers define without inline:\n${faults}")
endif()
