#pragma once
// The engine that is tested where any will do, and where its ends find each other.
#include <chrono>
#include <string>

namespace pmemckpt::test {

/// TEST_TRANSPORT of the environment, or "iwarp".
std::string transport();
/// TEST_HOST, an address of this machine that the engine's device has; or 127.0.0.1.
std::string host();

/// TIME_LIMIT_FACTOR, or 1: of emulated and of instrumented programs.
unsigned time_limit_factor();

bool over_device();
/// An iWARP device without memory windows, which keeps some of what it refuses to itself (HACKING.md, Verbs):
/// an initiator's connection is lost, or nothing happens at all. Nothing is moved in any case.
bool over_siw();
/// So long a test waits for siw to tell that it has refused something; no more than that hangs on it.
inline constexpr std::chrono::milliseconds kSiwTime{3000};

}  // namespace pmemckpt::test
