#pragma once
// A target: what is given bytes as they come from a peer, lie on a medium or stand in a file, and may answer
// with an error, but never crash, hang, or believe them. libfuzzer.cc has libFuzzer make such bytes,
// replay.cc reads those that are kept in corpus/ and regressions/.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace pmemckpt::fuzz {

using Bytes = std::vector<std::byte>;

struct Seed {
    std::string name;
    Bytes bytes;
};

struct Target {
    /// Throws, or aborts, when something is not as it is promised.
    void (*run)(std::span<const std::byte> input);
    /// Valid inputs, from which others are made. They run with restart_random(), as all inputs do.
    std::vector<Seed> (*seeds)();
    /// Changes an input, in a way that `seed` draws, so that it gets behind checks that chance never passes:
    /// checksums hold again, lengths fit. none: there are no such checks.
    void (*mend)(Bytes& input, unsigned seed) = nullptr;
};

/// That of this program.
extern const Target target;

/// The system's random numbers, as libsodium gives them, from here on: the same after each call. So the same
/// input means the same, and nonces and STags can be in it.
void restart_random();

/// For what needs a file: a directory of this process, in memory where there is one, removed at its end.
const std::string& scratch();

/// Before each input, and before seeds are made.
void start();
/// A file each.
void write_seeds(const std::string& directory);

}  // namespace pmemckpt::fuzz
