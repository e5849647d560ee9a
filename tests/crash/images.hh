#pragma once
// The crash images of a moment: what may be on the medium when the power is cut there.
#include <cstdint>
#include <functional>
#include <random>

#include "tests/crash/line_medium.hh"

namespace pmemckpt::crash {

struct Visited {
    std::uint64_t images = 0;
    bool all = true;  ///< every one that there may be
};

/// Puts each image into `memory` in turn, and calls `visit`, which leaves the memory as it found it. At most
/// `limit` of them are all visited. Of more: nothing, everything, and each line, with each content that it
/// may have, beside nothing and beside everything else (of very many some, evenly spread); and then
/// drawn ones up to `limit`, a quarter of it at least. At the end the memory is as it is stored.
Visited for_each_image(std::span<std::byte> memory, const OpenLines& lines, std::uint64_t limit,
                       std::mt19937_64& generator, const std::function<void()>& visit);

}  // namespace pmemckpt::crash
