#pragma once
// The engine that is tested where any will do, and where its ends find each other.
#include <string>

namespace pmemckpt::test {

/// TEST_TRANSPORT of the environment, or "iwarp".
std::string transport();
/// TEST_HOST, an address of this machine that the engine's device has; or 127.0.0.1.
std::string host();
/// Whether that is the engine for RDMA devices, and the device speaks iWARP (siw).
bool is_over_an_iwarp_device();

}  // namespace pmemckpt::test
