// What every test binary runs: Catch2's command line and its tests. Compiled once for all.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
