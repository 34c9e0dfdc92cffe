# Builds the project in consumer/ in one of four ways, and runs its programs.
#
#   WAY            install, wheel, subdirectory or pkg_config
#   SOURCE         convgrad's sources
#   BUILD          convgrad's build folder, for what is installed from it
#   FOLDER         where to work
#   VERSION, CONFIGURATION, GENERATOR, MAKE_PROGRAM, COMPILER, PYTHON, PKG_CONFIG   as their names say
#
# A message that begins with "skipped" is how the test is told so.
cmake_minimum_required(VERSION 3.18)

set(consumer ${SOURCE}/tests/cpp/consumer)
set(binaries ${FOLDER}/build)
file(REMOVE_RECURSE ${FOLDER})
file(MAKE_DIRECTORY ${binaries})

function(run)
  execute_process(COMMAND ${ARGN} WORKING_DIRECTORY ${FOLDER} RESULT_VARIABLE failed
                  OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(failed)
    string(REPLACE ";" " " command "${ARGN}")
    message(FATAL_ERROR "failed: ${command}\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

if(WAY STREQUAL "install" OR WAY STREQUAL "pkg_config")
  set(prefix ${FOLDER}/prefix)
  run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${prefix} --component convgrad)
  set(how -DCMAKE_PREFIX_PATH=${prefix} -DCONSUMER_VERSION=${VERSION})
elseif(WAY STREQUAL "wheel")
  # Not from convgrad's sources, which may be the working directory's neighbors.
  execute_process(COMMAND ${PYTHON} -c "import convgrad; print(convgrad.get_cmake_dir())" WORKING_DIRECTORY ${FOLDER}
                  RESULT_VARIABLE failed OUTPUT_VARIABLE directory ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(failed)
    message("skipped: convgrad is not installed for ${PYTHON}")
    return()
  endif()
  set(how -Dconvgrad_DIR=${directory} -DCONSUMER_VERSION=${VERSION})
else()
  # Without OpenMP, which is one more thing that must work.
  set(how -DCONSUMER_SUBDIRECTORY=${SOURCE} -DCONVGRAD_OPENMP=OFF)
endif()

if(WAY STREQUAL "pkg_config")
  set(ENV{PKG_CONFIG_PATH} ${prefix}/lib/pkgconfig)
  run(${PKG_CONFIG} --cflags --libs convgrad)
  separate_arguments(flags UNIX_COMMAND "${output}")
  foreach(program ${SOURCE}/docs/snippets/worked_example.cpp ${consumer}/image_filters.cpp ${consumer}/learn_kernel.cpp
                  ${consumer}/test_image.cpp)
    get_filename_component(name ${program} NAME_WE)
    run(${COMPILER} -std=c++17 -O2 ${program} ${flags} -Wl,-rpath,${prefix}/lib -o ${binaries}/${name})
  endforeach()
else()
  run(${CMAKE_COMMAND} -S ${consumer} -B ${binaries} -G ${GENERATOR} -DCMAKE_MAKE_PROGRAM=${MAKE_PROGRAM}
      -DCMAKE_CXX_COMPILER=${COMPILER} -DCMAKE_BUILD_TYPE=${CONFIGURATION} ${how})
  run(${CMAKE_COMMAND} --build ${binaries} --config ${CONFIGURATION})
endif()

run(${binaries}/worked_example)
if(NOT output MATCHES "^37 47\n67 77\n$")
  message(FATAL_ERROR "worked_example printed:\n${output}")
endif()
run(${binaries}/test_image make ${FOLDER}/picture.ppm)
run(${binaries}/image_filters ${FOLDER}/picture.ppm ${FOLDER}/result)
run(${binaries}/test_image check ${FOLDER}/result)
run(${binaries}/learn_kernel)
