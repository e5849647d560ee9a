#pragma once
#include <chrono>
#include <cstdint>

namespace pmemckpt::pool {

/// Nanoseconds since 1970, UTC.
inline std::int64_t now_ns() {
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::nanoseconds>(since).count();
}

}  // namespace pmemckpt::pool
