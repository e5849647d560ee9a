#pragma once
// Into the background, once the mount works: the caller's shell has its prompt back when /ckpt can be read.
#include <functional>

#include "lib/base/result.hh"

namespace pmemckpt::view {

/// To be called when the work stands. From then on stdout is closed and messages go to syslog(3).
/// EPIPE: who waited for it is gone, so nobody wants it any more.
using Announce = std::function<Status()>;

/// Forks. In the child runs serve(announce); the parent waits for the announcement, or for serve's error,
/// which it prints in one line. Returns the exit status, in both. No thread may have been started before.
int run_in_background(const std::function<Status(const Announce&)>& serve);

/// Prints an error as programs do, and gives its exit status.
int report(const Error& error);

}  // namespace pmemckpt::view
