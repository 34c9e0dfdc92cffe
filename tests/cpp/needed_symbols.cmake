# Fails if an object of the library needs a function that prints, throws or ends the program. What formats a message
# into a buffer (snprintf, vsnprintf) may stay.
cmake_minimum_required(VERSION 3.18)

set(ending abort exit _exit _Exit quick_exit raise __assert_fail _ZSt9terminatev)
set(printing printf fprintf vprintf vfprintf __printf_chk __fprintf_chk puts fputs putchar fputc fwrite write perror
             _ZSt4cout _ZSt4cerr)
set(throwing __cxa_throw __cxa_rethrow __cxa_allocate_exception _ZSt[0-9]+__throw_.* _Znwm _Znam)
set(forbidden ${ending} ${printing} ${throwing})
list(JOIN forbidden "|" forbidden)
string(REPLACE "|" ";" objects "${OBJECTS}")
foreach(object IN LISTS objects)
  execute_process(COMMAND ${NM} --undefined-only ${object} OUTPUT_VARIABLE symbols RESULT_VARIABLE failed)
  if(failed)
    message(FATAL_ERROR "cannot read ${object}")
  endif()
  string(STRIP "${symbols}" symbols)
  string(REPLACE "\n" ";" lines "${symbols}")
  list(FILTER lines INCLUDE REGEX "(^| )[Uw] (${forbidden})(@.*)?$")
  if(lines)
    message(SEND_ERROR "${object} needs what a library must not call: ${lines}")
  endif()
endforeach()
