#pragma once
// What people see of a run.
#include <chrono>
#include <cstddef>

#include "tests/soak/counts.hh"

namespace soak {

using Elapsed = std::chrono::steady_clock::duration;

void print_progress(Elapsed elapsed, const Counts& counts);
void print_table(Elapsed elapsed, const Counts& counts);
std::size_t open_descriptors();

}  // namespace soak
